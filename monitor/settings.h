/*
 * settings - the settings of a port, judged by what its module declares.
 *
 * Pure functions: declared settings and text in, values or a fault out.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "fault.h"
#include "monitor.h"

/*
 * Judge one setting.  The fault says what was found and what would be right,
 * with the nearest declared key for an unknown one.
 */
int settings_check(const struct pp_setting_decl *decls, const char *key,
    const char *value, struct fault *fault);

/* Judge that none that is required is missing. */
int settings_check_complete(const struct pp_setting_decl *decls,
    const struct pp_setting *settings, size_t count, struct fault *fault);

/*
 * Value of a key among count settings, or its declared default; a path is made
 * absolute with base.  Codes as config_text and config_number of pp_host.
 */
int settings_text(const struct pp_setting_decl *decls,
    const struct pp_setting *settings, size_t count, const char *base,
    const char *key, char *buf, size_t size, size_t *needed);
int settings_number(const struct pp_setting_decl *decls,
    const struct pp_setting *settings, size_t count, const char *key,
    int64_t *value);

#endif /* SETTINGS_H */

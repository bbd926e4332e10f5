/*
 * privileges.c - see privileges.h.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "privileges.h"

static int
find_group(const char *name, gid_t *gid, struct fault *fault)
{
	struct group *group;

	if (name == NULL || *name == '\0')
		return 0;
	errno = 0;
	group = getgrnam(name);
	if (group == NULL)
		return fault_set(fault, errno != 0 ? -errno : -ENOENT,
		    "there is no group \"%s\"; create it, or change group = "
		    "in [daemon]", name);
	*gid = group->gr_gid;
	return 0;
}

/* Root must be out of reach, in every one of the three identities. */
static bool
is_gone(uid_t uid)
{
	uid_t real, effective, saved;

	return getresuid(&real, &effective, &saved) == 0 && real == uid &&
	    effective == uid && saved == uid && setuid(0) == -1;
}

int
privileges_drop(const char *user, const char *group, struct fault *fault)
{
	struct passwd *passwd;
	gid_t gid;
	int code;

	if (geteuid() != 0 || strcmp(user, "root") == 0)
		return 0;
	errno = 0;
	passwd = getpwnam(user);
	if (passwd == NULL)
		return fault_set(fault, errno != 0 ? -errno : -ENOENT,
		    "there is no user \"%s\"; create it (systemd-sysusers "
		    "printportd.conf, or useradd --system %s), or change "
		    "user = in [daemon]", user, user);
	gid = passwd->pw_gid;
	code = find_group(group, &gid, fault);
	if (code != 0)
		return code;
	if (initgroups(user, gid) == -1 || setresgid(gid, gid, gid) == -1 ||
	    setresuid(passwd->pw_uid, passwd->pw_uid, passwd->pw_uid) == -1 ||
	    !is_gone(passwd->pw_uid))
		return fault_set(fault, errno != 0 ? -errno : -EPERM,
		    "cannot become user \"%s\": %s", user, strerror(errno));
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return 0;
}

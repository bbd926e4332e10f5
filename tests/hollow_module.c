/*
 * hollow_module.c - a shared object that is no monitor, for tests.
 */
extern const int hollow;

__attribute__((visibility("default"))) const int hollow = 1;

/*
 * sandbox_seccomp.c - take system calls away from a port host; see sandbox.h.
 *
 * A list of what is refused, not of what is allowed: a module may use any
 * library, and an allow-list would have to follow every one of them.  Refused
 * calls fail with EPERM, so that the module's own error handling is what
 * answers.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <seccomp.h>

#include "monitor.h"
#include "sandbox.h"

/* Ways to other processes, to the kernel, to other privileges. */
static const int never[] = {
	SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load), SCMP_SYS(init_module),
	SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(mount),
	SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
	SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(reboot),
	SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(acct),
	SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl),
	SCMP_SYS(open_by_handle_at), SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime), SCMP_SYS(sethostname),
	SCMP_SYS(setdomainname), SCMP_SYS(iopl), SCMP_SYS(ioperm),
	SCMP_SYS(quotactl),
};

static const int programs[] = { SCMP_SYS(execve), SCMP_SYS(execveat) };

/* That change names in the file system. */
static const int files[] = {
	SCMP_SYS(creat), SCMP_SYS(rename), SCMP_SYS(renameat),
	SCMP_SYS(renameat2), SCMP_SYS(link), SCMP_SYS(linkat),
	SCMP_SYS(symlink), SCMP_SYS(symlinkat), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat),
	SCMP_SYS(rmdir), SCMP_SYS(mknod), SCMP_SYS(mknodat),
	SCMP_SYS(chmod), SCMP_SYS(fchmodat), SCMP_SYS(chown),
	SCMP_SYS(lchown), SCMP_SYS(fchownat), SCMP_SYS(truncate),
};

static int
refuse(scmp_filter_ctx filter, const int *calls, size_t n)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i],
		    0);
	return rc;
}

/* Sockets of families other than Unix ones, which libraries use to log. */
static int
refuse_network(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
	    SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
}

static int
fill(scmp_filter_ctx filter, uint32_t needs)
{
	int rc;

	rc = refuse(filter, never, sizeof(never) / sizeof(never[0]));
	if (rc == 0 && !(needs & PP_NEEDS_PROGRAMS))
		rc = refuse(filter, programs,
		    sizeof(programs) / sizeof(programs[0]));
	if (rc == 0 && !(needs & (PP_NEEDS_FILES | PP_NEEDS_PROGRAMS)))
		rc = refuse(filter, files, sizeof(files) / sizeof(files[0]));
	if (rc == 0 && !(needs & PP_NEEDS_NETWORK))
		rc = refuse_network(filter);
	return rc;
}

int
sandbox_enter(uint32_t needs, struct fault *fault)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int rc = -ENOMEM;

	if (filter != NULL)
		rc = fill(filter, needs);
	if (rc == 0)
		rc = seccomp_load(filter);
	if (filter != NULL)
		seccomp_release(filter);
	if (rc != 0)
		return fault_set(fault, rc,
		    "the system call filter could not be set");
	/* no core, no ptrace by others of the same user */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}

const char *
sandbox_name(void)
{
	return "seccomp";
}

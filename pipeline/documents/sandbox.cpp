#include "pipeline/documents/sandbox.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <vector>

namespace repartee::documents {
namespace {

#if defined(__x86_64__)
constexpr unsigned architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned architecture = AUDIT_ARCH_AARCH64;
#else
constexpr unsigned architecture = 0;
#endif

constexpr const char* readable[] = {"/usr/share", "/usr/lib", "/etc/fonts"};  // character maps, fonts, converters

// Landlock (kernel 5.13): from here on nothing can be opened but for reading, and only there.
void confine_files() {
  constexpr __u64 reads = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  constexpr __u64 all = reads | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                        LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
                        LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                        LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
  landlock_ruleset_attr rules{};
  rules.handled_access_fs = all;
  const auto ruleset = static_cast<int>(syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0));
  if (ruleset < 0) return;
  for (const char* path : readable) {
    landlock_path_beneath_attr beneath{};
    beneath.allowed_access = reads;
    beneath.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (beneath.parent_fd < 0) continue;
    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
    close(beneath.parent_fd);
  }
  syscall(SYS_landlock_restrict_self, ruleset, 0);
  close(ruleset);
}

// What no reader of documents has any business with. Threads may be made, processes not; clone3, whose flags cannot be seen from here, is
// answered as by a kernel without it, so that the C library uses clone.
constexpr int denied[] = {SYS_execve,
                          SYS_execveat,
                          SYS_socket,
                          SYS_socketpair,
                          SYS_connect,
                          SYS_bind,
                          SYS_listen,
                          SYS_accept4,
                          SYS_ptrace,
                          SYS_kill,
                          SYS_tkill,
                          SYS_process_vm_readv,
                          SYS_process_vm_writev,
                          SYS_mount,
                          SYS_umount2,
                          SYS_unshare,
                          SYS_setns,
                          SYS_bpf,
                          SYS_perf_event_open,
                          SYS_keyctl,
                          SYS_add_key,
                          SYS_request_key,
                          SYS_userfaultfd,
                          SYS_memfd_create,
                          SYS_unlinkat,
                          SYS_renameat2,
                          SYS_mkdirat,
                          SYS_linkat,
                          SYS_symlinkat,
                          SYS_fchmodat,
                          SYS_fchownat,
                          SYS_init_module,
                          SYS_finit_module,
#if defined(__x86_64__)
                          SYS_fork,
                          SYS_vfork,
                          SYS_unlink,
                          SYS_rename,
                          SYS_mkdir,
                          SYS_chmod,
#endif
                          SYS_setuid,
                          SYS_setgid,
                          SYS_setgroups};

void confine_calls() {
  if (architecture == 0) return;
  std::vector<sock_filter> program;
  const auto load = [&](std::size_t offset) { program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<__u32>(offset))); };
  const auto answer = [&](__u32 action) { program.push_back(BPF_STMT(BPF_RET | BPF_K, action)); };
  // What follows is skipped unless the loaded word is `value`.
  const auto if_equal = [&](__u32 value, __u8 skipped) { program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped)); };

  load(offsetof(seccomp_data, arch));
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0));
  answer(SECCOMP_RET_KILL_PROCESS);
  load(offsetof(seccomp_data, nr));
  for (const int call : denied) {
    if_equal(static_cast<__u32>(call), 1);
    answer(SECCOMP_RET_ERRNO | EPERM);
  }
  if_equal(SYS_clone3, 1);
  answer(SECCOMP_RET_ERRNO | ENOSYS);
  if_equal(SYS_clone, 3);
  load(offsetof(seccomp_data, args));
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0));
  answer(SECCOMP_RET_ERRNO | EPERM);
  answer(SECCOMP_RET_ALLOW);
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

}  // namespace

void enter_sandbox() {
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  confine_files();
  confine_calls();
}

}  // namespace repartee::documents

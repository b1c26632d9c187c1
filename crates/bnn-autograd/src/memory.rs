//! How much memory there is, so that work that would end the process is refused before it begins:
//! without memory an allocator aborts, and Linux, which promises more than it has, ends a process
//! that makes use of the promise.

use std::fs;
use std::path::{Path, PathBuf};

use bnn_core::Error as Core;

/// Refuses work that takes `bytes` bytes more than the process has, if they cannot be had now.
/// (Another process may take them in between.)
///
/// # Errors
/// [`bnn_core::Error::OutOfMemory`].
pub(crate) fn available(bytes: usize) -> Result<(), Core> {
    let mut room: Vec<u8> = Vec::new();
    let reserved = room.try_reserve_exact(bytes);
    // Else the compiler may leave the allocation out.
    std::hint::black_box(room.as_ptr());
    let is_free = free(Path::new("/")).is_none_or(|free| bytes as u64 <= free);
    match reserved.is_ok() && is_free {
        true => Ok(()),
        false => Err(Core::OutOfMemory { bytes }),
    }
}

/// The bytes that Linux could give this process, by what it tells below `root`: main memory and
/// swap, and what the control groups of the process leave of it. `None` where it tells nothing, as
/// on other systems.
fn free(root: &Path) -> Option<u64> {
    let told = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let kib = |name: &str| named(&told, name).map(|kib| kib.saturating_mul(1024));
    let all = kib("MemAvailable:")?.saturating_add(kib("SwapFree:").unwrap_or(0));
    let left = groups(root).filter_map(|group| left_in(&group));
    Some(left.fold(all, u64::min))
}

/// The number after a name at the beginning of a line.
fn named(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The folders of the control groups (version 2) that the process is in, inner before outer.
fn groups(root: &Path) -> impl Iterator<Item = PathBuf> {
    let told = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let own = told.lines().find_map(|line| line.strip_prefix("0::/"));
    let all = root.join("sys/fs/cgroup");
    let inner = all.join(own.unwrap_or_default());
    let folders = inner.ancestors().map(Path::to_owned).collect::<Vec<_>>();
    folders
        .into_iter()
        .take_while(move |folder| folder.starts_with(&all))
}

/// What a control group leaves of its limit. What it keeps of files can be had.
fn left_in(group: &Path) -> Option<u64> {
    let read = |name: &str| fs::read_to_string(group.join(name)).ok();
    let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
    let files = read("memory.stat").and_then(|stat| named(&stat, "inactive_file "));
    let taken = number("memory.current")?.saturating_sub(files.unwrap_or(0));
    // "max" is no limit.
    Some(number("memory.max")?.saturating_sub(taken))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_not_there_is_an_error_with_the_size() {
        assert_eq!(available(1 << 20), Ok(()));
        // More than can be addressed, and more than machines have.
        for bytes in [usize::MAX, isize::MAX as usize] {
            assert_eq!(available(bytes), Err(Core::OutOfMemory { bytes }));
        }
    }

    #[test]
    fn the_least_of_machine_and_control_groups_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let write = |name: &str, text: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(free(root), None);
        let machine = "MemTotal:  9000 kB\nMemAvailable:   6000 kB\nSwapFree:  1000 kB\n";
        write("proc/meminfo", machine);
        assert_eq!(free(root), Some(7000 << 10));
        write("proc/self/cgroup", "0::/a/b\n");
        write("sys/fs/cgroup/a/b/memory.max", "max\n");
        write("sys/fs/cgroup/a/b/memory.current", "500\n");
        assert_eq!(free(root), Some(7000 << 10));
        write("sys/fs/cgroup/a/memory.max", "5000\n");
        write("sys/fs/cgroup/a/memory.current", "3000\n");
        assert_eq!(free(root), Some(2000));
        write("sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 400\n");
        assert_eq!(free(root), Some(2400));
        write("sys/fs/cgroup/a/b/memory.max", "500\n");
        assert_eq!(free(root), Some(0));
        // A container, whose groups have other names inside.
        write("proc/self/cgroup", "0::/elsewhere\n");
        write("sys/fs/cgroup/memory.max", "1000\n");
        write("sys/fs/cgroup/memory.current", "900\n");
        assert_eq!(free(root), Some(100));
    }
}

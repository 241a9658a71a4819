//! What the allocator keeps. It is the whole process's, so this test has a program of its own.

#![allow(clippy::unwrap_used)]

#[test]
fn large_memory_is_given_back_by_every_thread_that_had_it() {
    linux::process::give_back_large_memory();
    let turns = || (0..3).for_each(|_| drop(std::hint::black_box(vec![1_u8; 20 << 20])));
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(turns)).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib < 20 << 10, "{kib} KiB are still held");
}

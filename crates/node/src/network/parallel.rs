//! Waiting for many things at once.

/// Does work for each item on a few threads. The kernel makes each step wait for things that many can wait for at once.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    const THREADS: usize = 8;
    if items.len() < 2 {
        return items.iter().map(work).collect();
    }
    let size = items.len().div_ceil(THREADS);
    std::thread::scope(|scope| {
        let chunk = |chunk: &'_ [T]| chunk.iter().map(&work).collect::<Vec<R>>();
        let threads: Vec<_> = items
            .chunks(size)
            .map(|items| scope.spawn(move || chunk(items)))
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Vec<R>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().flat_map(join).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        for count in [0, 1, 2, 7, 8, 9, 100] {
            let items: Vec<u32> = (0..count).collect();
            let doubled: Vec<u32> = items.iter().map(|n| n * 2).collect();
            assert_eq!(in_parallel(&items, |n| n * 2), doubled);
        }
    }
}

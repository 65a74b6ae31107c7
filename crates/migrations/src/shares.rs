//! Work on many files, shared out among the machine's cores.

use std::panic::resume_unwind;
use std::thread;

/// Fewer than this are done before a thread has begun.
const FEW: usize = 100;
/// More cores are of no use: files are small, and their folder is one.
const MOST: usize = 4;

/// What `work` makes of each, in their order.
///
/// # Errors
/// That of the first whose work fails.
pub fn each<I, T, E>(items: &[I], work: impl Fn(&I) -> Result<T, E> + Sync) -> Result<Vec<T>, E>
where
    I: Sync,
    T: Send,
    E: Send,
{
    // The room is made once: what is collected of results grows piece by piece.
    let all = |part: &[I], room: usize| {
        let mut made = Vec::with_capacity(room);
        for item in part {
            made.push(work(item)?);
        }
        Ok(made)
    };
    let cores = thread::available_parallelism().map_or(1, usize::from).min(MOST);
    let share = items.len().div_ceil(cores).max(FEW);
    if items.len() <= share {
        return all(items, items.len());
    }
    let (own, rest) = items.split_at(share);
    thread::scope(|scope| {
        let others: Vec<_> = rest.chunks(share).map(|part| scope.spawn(|| all(part, part.len()))).collect();
        let mut made = all(own, items.len())?;
        for other in others {
            made.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        }
        Ok(made)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_stays_and_the_first_failure_counts() {
        for count in [0, 1, FEW, FEW + 1, 2 * FEW, 10 * FEW + 7] {
            let items: Vec<usize> = (0..count).collect();
            let doubled = each(&items, |item| Ok::<_, ()>(2 * item)).unwrap();
            assert!(doubled.iter().enumerate().all(|(at, value)| *value == 2 * at), "{count}");
            assert_eq!(doubled.len(), count);
            let failed = each(&items, |item| if item % 90 == 70 { Err(*item) } else { Ok(()) });
            assert_eq!(failed.err(), (count > 70).then_some(70), "{count}");
        }
    }
}

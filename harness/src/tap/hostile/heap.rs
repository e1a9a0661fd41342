//! What a thread holds on the heap: the allocator's own account, since the code under test could be wrong about itself.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

/// What one thread has asked for since it began.
#[derive(Clone, Copy)]
struct Account {
    held: isize,
    most: isize,
    requests: usize,
}

thread_local! {
    static ACCOUNT: Cell<Account> = const { Cell::new(Account { held: 0, most: 0, requests: 0 }) };
}

/// What something took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    /// The most bytes that were held at once, beyond what was held before.
    pub(super) most: usize,
    /// The bytes that are still held.
    pub(super) left: isize,
    /// How often memory was asked for: a measure of work without a clock.
    pub(super) requests: usize,
}

/// Does something, and says what it took.
pub(super) fn measure<T>(act: impl FnOnce() -> T) -> (T, Cost) {
    let before = ACCOUNT.get();
    ACCOUNT.set(Account { most: before.held, ..before });
    let result = act();
    let after = ACCOUNT.get();
    let most = usize::try_from(after.most - before.held).unwrap_or(0);
    (result, Cost { most, left: after.held - before.held, requests: after.requests - before.requests })
}

fn note(more: usize, less: usize) {
    // A thread that is at its end may have no account any more.
    let _ = ACCOUNT.try_with(|account| {
        let mut now = account.get();
        now.held = now.held.wrapping_add_unsigned(more).wrapping_sub_unsigned(less);
        now.most = now.most.max(now.held);
        now.requests += usize::from(more > 0);
        account.set(now);
    });
}

// SAFETY: every call is handed on to the system's allocator as it is; counting allocates nothing and does not unwind.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        note(0, layout.size());
        // SAFETY: the caller keeps the promises of `dealloc`, and `place` is from `System`.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size, layout.size());
        // SAFETY: the caller keeps the promises of `realloc`, and `place` is from `System`.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[test]
fn what_is_taken_and_what_is_left_is_counted() {
    let (kept, cost) = measure(|| {
        drop(vec![0_u8; 1000]);
        vec![0_u8; 10]
    });
    assert_eq!((cost.most, cost.left, cost.requests), (1000, 10, 2));
    drop(kept);
}

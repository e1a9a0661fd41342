//! What can be wrong with the reference pool, one thing at a time.

/// A defect that was planted in the reference pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The fork is never noticed: a child takes inherited idle connections and works with inherited checkouts.
    NoGuard,
    /// The pool starts afresh in a child, but nobody asks whose a connection is: an inherited checkout queries, is rolled back
    /// where it is returned, and becomes idle in the child's pool.
    GuardOnlyAtCheckout,
    /// What is inherited is found and discarded, with a goodbye on the owner's session.
    Goodbye,
    /// A child starts with its parent's count of connections in use; no return of an inherited one lowers it.
    CountersCopied,
}

/// A marker that says which defect a pool has.
pub trait Planted: Send + Sync + 'static {
    /// The defect, if there is one.
    const DEFECT: Option<Defect>;

    /// Whether it is this one.
    fn has(defect: Defect) -> bool {
        Self::DEFECT == Some(defect)
    }
}

macro_rules! markers {
    ($($name:ident: $defect:expr, $about:literal;)*) => { $(
        #[doc = $about]
        #[derive(Debug)]
        pub struct $name;

        impl Planted for $name {
            const DEFECT: Option<Defect> = $defect;
        }
    )* };
}

markers! {
    Correct: None, "The reference pool itself.";
    NoGuard: Some(Defect::NoGuard), "Plants [`Defect::NoGuard`].";
    GuardOnlyAtCheckout: Some(Defect::GuardOnlyAtCheckout), "Plants [`Defect::GuardOnlyAtCheckout`].";
    Goodbye: Some(Defect::Goodbye), "Plants [`Defect::Goodbye`].";
    CountersCopied: Some(Defect::CountersCopied), "Plants [`Defect::CountersCopied`].";
}

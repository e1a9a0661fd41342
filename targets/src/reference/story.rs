//! For each defect a shortest interleaving in which it shows, as it was thought out when the defect was planted.
//!
//! It is what a search should end with; and a rule that does not see the defect there will not see it anywhere.

use super::defect::Defect;

/// The size of the pool, and the steps with semicolons between them.
#[rustfmt::skip]
pub fn steps(defect: Defect) -> (u32, &'static str) {
    match defect {
        Defect::Goodbye | Defect::Shutdown | Defect::CancelsInherited | Defect::DropPanics =>
            (1, "p0 open; p0 checkout a; p0 fork p1; p1 return a"),
        Defect::ExitGoodbye =>
            (1, "p0 open; p0 checkout a; p0 fork p1; p1 exit atexit"),
        Defect::HookGoodbye =>
            (1, "p0 open; p0 checkout a; p0 return a; p0 fork p1; p1 after-fork"),
        Defect::StatementClosed =>
            (1, "p0 open; p0 checkout a; p0 prepared a; p0 fork p1; p1 return a"),
        Defect::NoGuard | Defect::GuardOnlyAtReturn =>
            (1, "p0 open; p0 checkout a; p0 return a; p0 fork p1; p1 checkout b; p1 query b"),
        Defect::CancelUnguarded =>
            (1, "p0 open; p0 checkout a; p0 fork p1; p1 cancel a"),
        Defect::RefusesLate =>
            (1, "p0 open; p0 checkout a; p0 fork p1; p1 query a"),
        Defect::FlightGoodbye | Defect::FlightCancelled =>
            (1, "p0 open; p0 spawn t1; p0.t1 checkout a; p0.t1 query a stall=1; p0 fork p1; p1 drop-pool; \
             p0.t1 release"),
        Defect::CommitUnsent =>
            (1, "p0 open; p0 checkout a; p0 begin a; p0 insert a; p0 commit a"),
        Defect::AutocommitOff =>
            (1, "p0 open; p0 checkout a; p0 insert a"),
        Defect::Reconnects =>
            (1, "p0 open; p0 checkout a; p0 begin a; p0 insert a; p0 end-session a; p0 commit a"),
        Defect::FlightReplayed =>
            (2, "p0 open; p0 spawn t1; p0.t1 checkout a; p0.t1 insert a stall=1; p0 fork p1; p1 checkout b; \
             p0.t1 release"),
        Defect::RollbackCommits | Defect::BeginUnsent =>
            (1, "p0 open; p0 checkout a; p0 begin a; p0 insert a; p0 rollback a"),
        Defect::TransactionLeft =>
            (1, "p0 open; p0 checkout a; p0 begin a; p0 return a; p0 checkout b; p0 query b"),
        Defect::SettingsLeft =>
            (1, "p0 open; p0 checkout a; p0 mark a; p0 return a; p0 checkout b; p0 query b"),
        Defect::LockLeft =>
            (2, "p0 open; p0 checkout a; p0 checkout b; p0 lock a; p0 return a; p0 lock b"),
        Defect::LockAtConnect | Defect::OpeningCopied =>
            (1, "p0 open; p0 spawn t1; p0.t1 checkout a stall=1; p0 fork p1; p1 open; p1 checkout b; \
             p0.t1 release"),
        Defect::LockAtStatement =>
            (1, "p0 open; p0 spawn t1; p0.t1 checkout a; p0.t1 query a stall=1; p0 fork p1; p1 open; \
             p1 checkout b; p1 query b; p0.t1 release"),
        Defect::LockAtReset =>
            (1, "p0 open; p0 spawn t1; p0.t1 checkout a; p0.t1 query a; p0.t1 return a stall=1; p0 fork p1; \
             p1 open; p1 checkout b; p1 return b; p0.t1 release"),
        Defect::WorkerMissing =>
            (1, "p0 open; p0 dispose; p0 drop-pool; p0 fork p1; p1 open; p1 checkout a"),
        Defect::WaitersCopied =>
            (2, "p0 open; p0 checkout a; p0 checkout b; p0 spawn t1; p0.t1 checkout c; p0 fork p1; p1 return a; \
             p1 return b; p1 checkout a; p1 return a; p1 checkout a; p1 return a; p1 checkout a"),
        Defect::CountersCopied =>
            (1, "p0 open; p0 checkout a; p0 fork p1; p1 return a; p1 checkout b"),
        Defect::ResetsTwice =>
            (1, "p0 open; p0 fork p1; p1 spawn t1; p1.t1 checkout a stall=1; p1 checkout b; p1.t1 release; \
             p1.t1 query a; p1 query b; p1.t1 query a"),
        Defect::ResetsPanic =>
            (1, "p0 open; p0 fork p1; p1 spawn t1; p1.t1 checkout a stall=1; p1 checkout b; p1.t1 release"),
        Defect::ExitJoins =>
            (1, "p0 open; p0 dispose; p0 drop-pool; p0 fork p1; p1 exit main"),
        Defect::ExitLocks =>
            (1, "p0 open; p0 spawn t1; p0.t1 checkout a stall=1; p0 fork p1; p1 exit main; p0.t1 release"),
        Defect::Aborts =>
            (1, "p0 open; p0 fork p1; p1 drop-pool"),
        Defect::GuardOnlyAtCheckout | Defect::GuardOnlyAtQuery =>
            (1, "p0 open; p0 checkout a; p0 query a; p0 fork p1; p1 return a"),
        Defect::PidGuard =>
            (1, "p0 open; p0 fork p1; p1 checkout a; p1 return a; p1 fork p2; p1 exit now; p0 wait p1; \
             p2 fork p3 reused-pid; p3 checkout b; p3 query b"),
        Defect::ForkHandler =>
            (1, "p0 open; p0 checkout a; p0 return a; p0 fork p1 clone; p1 checkout b; p1 query b"),
        Defect::FirstForkOnly =>
            (1, "p0 open; p0 fork p1; p1 checkout a; p1 return a; p1 fork p2; p2 checkout b; p2 query b"),
        Defect::PingsFirst =>
            (1, "p0 open; p0 checkout a; p0 return a; p0 fork p1; p1 checkout b"),
        Defect::ParentRefuses =>
            (1, "p0 open; p0 checkout a; p0 fork p1; p0 query a"),
        Defect::QueryInterrupted =>
            (1, "p0 open; p0 spawn t1; p0.t1 checkout a; p0.t1 query a stall=1; p0 fork p1; p0.t1 release"),
        Defect::PlaceLost =>
            (2, "p0 open; p0 spawn t1; p0.t1 checkout a stall=1; p0 fork p1; p0.t1 release; p0 checkout b"),
        Defect::OffByOne | Defect::Overflow =>
            (1, "p0 open; p0 checkout a; p0 checkout b; p0 query a; p0 query b"),
        Defect::CountedLate =>
            (1, "p0 open; p0 spawn t1; p0.t1 checkout a stall=1; p0 checkout b; p0.t1 release; p0.t1 query a; \
             p0 query b; p0.t1 query a"),
        Defect::Outlives =>
            (1, "p0 open; p0 checkout a; p0 leak a"),
        Defect::DisposeForgets =>
            (1, "p0 open; p0 checkout a; p0 return a; p0 dispose; p0 open; p0 checkout b"),
        Defect::DisposeSilent =>
            (1, "p0 open; p0 checkout a; p0 query a; p0 return a; p0 fork p1; p0 dispose; p0 exit now"),
        Defect::ExecKeeps =>
            (1, "p0 open; p0 checkout a; p0 fork p1; p1 exec"),
        Defect::LostWakeUp =>
            (1, "p0 open; p0 spawn t1; p0 checkout a; p0 query a; p0.t1 checkout b; p0 end-session a; \
             p0 return a"),
        Defect::ReturnedTwice =>
            (2, "p0 open; p0 checkout a; p0 return a; p0 checkout b; p0 checkout c; p0 query b; p0 query c"),
        Defect::ReadsShared =>
            (2, "p0 open; p0 checkout a; p0 checkout b; p0 query a; p0 query b"),
        Defect::ReplyUnread =>
            (1, "p0 open; p0 checkout a; p0 return a; p0 checkout b; p0 query b"),
        Defect::IdleEarly =>
            (1, "p0 open; p0 spawn t1; p0.t1 checkout a; p0.t1 return a stall=1; p0 checkout b; p0 query b; \
             p0.t1 release"),
        Defect::StaleRows =>
            (1, "p0 open; p0 checkout a; p0 query a; p0 end-session a; p0 query a"),
        Defect::PatienceIgnored =>
            (1, "p0 open; p0 checkout a; p0 checkout b"),
        Defect::DisposeWaits =>
            (1, "p0 open; p0 checkout a; p0 dispose"),
        Defect::BrokenKept =>
            (1, "p0 open; p0 checkout a; p0 query a; p0 end-session a; p0 return a; p0 checkout b; p0 query b; \
             p0 return b; p0 checkout c; p0 query c; p0 return c; p0 checkout d; p0 query d"),
        Defect::CommitEarly | Defect::CommitRepeated =>
            (1, "p0 open; p0 checkout a; p0 begin a; p0 insert a; p0 restart; p0 commit a"),
        Defect::InsertRepeated =>
            (1, "p0 open; p0 checkout a; p0 insert a cut=0"),
        Defect::InsertMoved =>
            (1, "p0 open; p0 checkout a; p0 begin a; p0 insert a cut=0; p0 rollback a"),
        Defect::HalfReply =>
            (1, "p0 open; p0 checkout a; p0 query a cut=20"),
        Defect::LossShares =>
            (2, "p0 open; p0 checkout a; p0 checkout b; p0 query b; p0 query a cut=0"),
        Defect::LossKeepsLock =>
            (1, "p0 open; p0 checkout a; p0 query a cut=0; p0 return a; p0 checkout b; p0 query b"),
        Defect::FreedTwice =>
            (2, "p0 open; p0 checkout a; p0 checkout b; p0 query a cut=0; p0 return a; p0 checkout c; p0 checkout d; \
             p0 query b; p0 query c; p0 query d; p0 query b"),
        Defect::RefusedPlace | Defect::ErrorRemembered =>
            (1, "p0 open; p0 refuse; p0 checkout a; p0 accept; p0 checkout b; p0 checkout c"),
        Defect::RefusedPanics | Defect::RefusedRetries =>
            (1, "p0 open; p0 refuse; p0 checkout a"),
        Defect::StaleStatement =>
            (1, "p0 open; p0 checkout a; p0 prepared a; p0 return a; p0 checkout b; p0 prepared b"),
        Defect::DisposedHangs | Defect::DisposedPanics =>
            (1, "p0 open; p0 dispose; p0 checkout a"),
        Defect::NonceCopied =>
            (1, "p0 open; p0 checkout a; p0 fork p1; p1 open; p1 checkout b; p0 return a; p0 open; p0 checkout c"),
    }
}

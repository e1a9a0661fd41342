use poolproof_targets as targets;
use poolproof::*; use poolproof::bench::*; use poolproof::certify::*;
use std::sync::atomic::AtomicBool;
static STOP: AtomicBool = AtomicBool::new(false);
fn main() {
    assume_role(&targets::all());
    let a: Vec<String> = std::env::args().collect();
    let t = targets::all().into_iter().find(|t| t.name()==a[1]).unwrap();
    let mut b = Bench::start(&STOP).unwrap();
    let s=std::time::Instant::now();
    b.add_server(&ServerChoice::Local, t.database()).unwrap();
    eprintln!("server {:?} in {:?}", b.product(t.database()), s.elapsed());
    if a[2].ends_with(".interleaving") {
        let i = interleaving::parse(&std::fs::read_to_string(&a[2]).unwrap()).unwrap();
        let r = replay(&b, &t, &i, std::env::var("T").map_or(3, |t| t.parse().unwrap())).unwrap();
        for e in r.history.events() { println!("{e:?}"); }
        for (r,v) in &r.judgement.verdicts { println!("{} {v:?}", r.id); }
        println!("{}", r.printed);
    } else {
        let n: u64 = a[3].parse().unwrap();
        let plan = Plan { seed: 1, cases: Cases::Number(n), workers: a.get(4).map_or(1,|w| w.parse().unwrap()), replays: 20 };
        let cells = certify(&b, &t, &[a[2].parse().unwrap()], &plan, &|_| Ok(vec![]), &mut |p| if !matches!(p, Progress::Searched(_, n, _) if n%100!=0) { eprintln!("{p:?}") }).unwrap();
        for c in cells { println!("{} cases {:?} {:.0}/s steps {:?} first {:?}", c.cases, c.searched, c.cases as f64/c.searched.as_secs_f64(), c.steps, c.first_seen);
            for (r,v) in &c.verdicts { println!("{} {v:?}", r.id); }
            for f in c.failures { println!("== {} {}/{}\n{}{:?}", f.rule.id, f.replayed, f.replays, f.interleaving, f.judgement.first_cause().map(|x| x.1)); if std::env::var("V").is_ok() {for e in f.history.events() { println!("  {e:?}"); }} println!("{}", f.printed); }
        }
    }
    b.finish().unwrap();
}

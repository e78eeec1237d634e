//! What is recommended, and why.

use super::findings::{Contest, Finding};
use super::options::Chunk;
use crate::error::Bytes;
use crate::figure::number::decimal;

/// A point that takes so much longer than the best is as good: what differs is noise.
const AS_GOOD: f64 = 0.05;

/// A cause is told where it makes so much of a difference.
const TELLING: f64 = 0.05;

/// What `--chunk auto` may take longer than the best.
pub const AUTO_EXCESS: f64 = 0.1;

/// Sentences on a contest, the first of which is the recommendation.
pub fn words(contest: &Contest<'_>, shape: (usize, usize)) -> Vec<String> {
    let Contest { method, threads, best, .. } = contest;
    let what = if contest.has_chunks() { format!(", {}", described(contest, best)) } else { String::new() };
    let mut lines = vec![format!(
        "{}, {} x {} on {}{what}: {} s, {} of memory{}",
        method.name(),
        shape.0,
        shape.1,
        if *threads == 1 { "1 thread".into() } else { format!("{threads} threads") },
        decimal(best.seconds(), 3),
        memory(best),
        if contest.has_chunks() { "; the fastest" } else { "" }
    )];
    let others = contest.entrants.iter().filter(|finding| finding.point != best.point);
    lines.extend(others.map(|other| format!("  {}: {}", described(contest, other), compared(other, best))));
    if let Some((strip, saved)) = contest.strip() {
        lines.push(match strip {
            Some(bytes) => format!("  strips of {}: save {:.0} % of the time", Bytes(bytes as u64), 100.0 * saved),
            None => "  strips: no other than the usual ones saves anything worth telling".into(),
        });
    }
    lines.extend(auto(contest));
    lines
}

/// What makes a point of a contest different from others.
fn described(contest: &Contest<'_>, finding: &Finding) -> String {
    let varies = |of: &dyn Fn(&Finding) -> bool| contest.entrants.iter().any(|other| !of(other));
    let point = finding.point;
    let chunk = point.chunk.filter(|_| contest.has_chunks()).map(|chunk| match chunk {
        Chunk::Whole => "one chunk".into(),
        chunk => format!("chunks of {chunk}"),
    });
    let overlap = varies(&|other| other.point.overlap == point.overlap || other.point.chunk == Some(Chunk::Whole));
    let overlap = point.overlap.filter(|_| overlap).map(|pixels| format!("overlap {pixels}"));
    let strip = varies(&|other| other.point.strip == point.strip);
    let strip =
        strip.then(|| point.strip.map_or("usual strips".into(), |bytes| format!("strips of {}", Bytes(bytes as u64))));
    chunk.into_iter().chain(overlap).chain(strip).collect::<Vec<String>>().join(", ")
}

fn memory(finding: &Finding) -> Bytes {
    Bytes(finding.spread(|run| run.peak_bytes as f64).median as u64)
}

/// How much longer a point takes than the best, and why.
fn compared(other: &Finding, best: &Finding) -> String {
    let ratio = other.seconds() / best.seconds();
    let slower = match ratio {
        ..1.005 => "as fast".into(),
        ..2.0 => format!("{:.0} % slower", 100.0 * (ratio - 1.0)),
        _ => format!("{ratio:.1} times as long"),
    };
    let text = format!("{} s, {slower}, {}", decimal(other.seconds(), 3), memory(other));
    let reasons = reasons(other, best);
    match reasons.is_empty() || ratio < 1.0 + AS_GOOD {
        true => text,
        false => format!("{text}: {}", reasons.join("; ")),
    }
}

/// Where the time goes that a point takes longer than the best.
fn reasons(other: &Finding, best: &Finding) -> Vec<String> {
    let both = |of: fn(&super::Measured) -> f64| (other.spread(of).median, best.spread(of).median);
    let (idle, best_idle) = both(|run| run.idle_share);
    let (scheduling, best_scheduling) = both(|run| run.scheduler_share);
    let (work, best_work) = both(|run| run.kernel_s);
    let (refreshes, best_refreshes) = both(|run| run.refreshes as f64);
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let mut reasons = Vec::new();
    if idle > best_idle + TELLING {
        let one = if other.point.chunk == Some(Chunk::Whole) { ": one core alone does the minor cycles" } else { "" };
        reasons.push(format!(
            "workers are idle for {} of their time{one} ({} at the best)",
            percent(idle),
            percent(best_idle)
        ));
    }
    if scheduling > best_scheduling + TELLING {
        let shares = (percent(scheduling), percent(best_scheduling));
        reasons.push(format!("{} of it goes into scheduling ({} at the best)", shares.0, shares.1));
    }
    if work > best_work * (1.0 + TELLING) {
        let halos = if side(other) < side(best) { ", as more of every chunk is overlap" } else { "" };
        reasons.push(format!("kernels take {} longer{halos}", percent(work / best_work - 1.0)));
    }
    if refreshes > best_refreshes {
        reasons.push(format!("{refreshes:.0} refreshes instead of {best_refreshes:.0}"));
    }
    reasons
}

fn side(finding: &Finding) -> usize {
    finding.chunk()[0].min(finding.chunk()[1])
}

/// What came of `--chunk auto`.
fn auto(contest: &Contest<'_>) -> Option<String> {
    let (auto, excess) = (contest.auto?, contest.auto_excess()?);
    let [rows, cols] = auto.chunk();
    let asked = format!("asked: at most {:.0} %", 100.0 * AUTO_EXCESS);
    let verdict = if excess <= AUTO_EXCESS { "kept" } else { "MISSED" };
    Some(format!(
        "  --chunk auto took {rows} x {cols}: {} s, {:+.1} % beside the best ({asked}: {verdict})",
        decimal(auto.seconds(), 3),
        100.0 * excess
    ))
}

#[cfg(test)]
mod tests {
    use super::super::findings::{contests, example};
    use super::super::options::Point;
    use super::*;

    #[test]
    fn reasons_are_told_with_the_recommendation() {
        let mut small = example(Some(Chunk::Side(64)), 3.0);
        small.runs[0].scheduler_share = 0.31;
        small.runs[0].kernel_s = 2.5;
        let near = example(Some(Chunk::Side(256)), 1.04);
        let best = example(Some(Chunk::Side(512)), 1.0);
        let mut whole = example(Some(Chunk::Whole), 1.6);
        (whole.runs[0].idle_share, whole.runs[0].refreshes) = (0.4, 4);
        let findings = [small, near, best, whole];
        let lines = words(&contests(&findings)[0], (4096, 4096));
        assert_eq!(
            lines,
            [
                "clark, 4096 x 4096 on 2 threads, chunks of 512: 1.00 s, 10 MiB of memory; the fastest",
                "  chunks of 64: 3.00 s, 3.0 times as long, 10 MiB: 31 % of it goes into scheduling (1 % at the best); kernels take \
                 150 % longer, as more of every chunk is overlap",
                "  chunks of 256: 1.04 s, 4 % slower, 10 MiB",
                "  one chunk: 1.60 s, 60 % slower, 10 MiB: workers are idle for 40 % of their time: one core alone does the minor \
                 cycles (2 % at the best); 4 refreshes instead of 3",
            ]
        );
    }

    #[test]
    fn auto_is_held_against_the_best() {
        let sides = [(128, 2.0), (512, 1.0), (1024, 1.05)];
        let mut findings: Vec<Finding> = sides.map(|(side, s)| example(Some(Chunk::Side(side)), s)).into();
        let last = |findings: &[Finding]| words(&contests(findings)[0], (4096, 4096)).pop().unwrap_or_default();
        let mut auto = example(Some(Chunk::Auto), 2.1);
        auto.runs[0].chunk = [128, 128];
        findings.push(auto);
        let line = last(&findings);
        assert!(line.ends_with("128 x 128: 2.10 s, +105.0 % beside the best (asked: at most 10 %: MISSED)"), "{line}");
        // The same chunk under two names is one thing that was measured twice.
        findings[3].runs[0].chunk = [512, 512];
        findings[3].runs[0].wall_s = 1.08;
        let line = last(&findings);
        assert!(line.ends_with("512 x 512: 1.08 s, +0.0 % beside the best (asked: at most 10 %: kept)"), "{line}");
    }

    #[test]
    fn strips_are_told_where_they_save_something() {
        let strips = |seconds: f64| {
            let mut other = example(None, seconds);
            other.point = Point { strip: Some(1 << 20), ..other.point };
            words(&contests(&[example(None, 1.0), other])[0], (64, 64))
        };
        assert!(strips(0.9)[2].ends_with("strips of 1.0 MiB: save 10 % of the time"), "{:?}", strips(0.9));
        assert!(strips(0.99)[2].ends_with("no other than the usual ones saves anything worth telling"));
        assert!(strips(1.2)[1].starts_with("  strips of 1.0 MiB: 1.20 s, 20 % slower"), "{:?}", strips(1.2));
    }
}

//! How long the pure core takes, by the size of an event and the length of a list: `cargo bench --bench core`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench may fail loudly, and trusts what it made itself"
)]

mod parts;

use std::cell::Cell;
use std::hint::black_box;

use botwarden::gate::event::read;
use botwarden::gate::handoff::{Destination, request};
use botwarden::gate::id::RoomId;
use botwarden::gate::signature::verify;
use botwarden::report::journal::chain::{Chain, Hash, Head};
use botwarden::rt;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use parts::{Bench, members, public, registration};

/// An event as most are, one with a long text, and a very large one.
const SIZES: [(&str, usize); 3] = [("0.7 KiB", 700), ("16 KiB", 16 << 10), ("64 KiB", 64 << 10)];

/// A room as most are, a large one, and the largest that the default policy lets pass.
const ROSTERS: [u16; 3] = [10, 1000, 5000];

/// What consumes a proof gives it back at last, so that one event serves for all rounds.
struct Slot<T>(Cell<Option<T>>);

impl<T> Slot<T> {
    fn of(proof: T) -> Self {
        Self(Cell::new(Some(proof)))
    }

    fn take(&self) -> T {
        self.0.take().unwrap()
    }

    fn put(&self, proof: T) {
        self.0.set(Some(proof));
    }
}

fn bodies(criterion: &mut Criterion) {
    let bench = Bench::new();
    let mut group = criterion.benchmark_group("bodies");
    for (name, bytes) in SIZES {
        let slot = Slot::of(bench.arrival(bytes));
        let body = bench.arrival(bytes).body().clone();
        group.throughput(Throughput::Bytes(body.len().try_into().unwrap()));
        group.bench_function(BenchmarkId::new("verify", name), |bencher| {
            bencher.iter(|| slot.put(verify(slot.take(), &bench.keys).unwrap().into_arrival()));
        });
        group.bench_function(BenchmarkId::new("read", name), |bencher| {
            let proved = || bench.authentic(slot.take());
            let reading = |proof| slot.put(read(proof, registration()).unwrap().into_arrival());
            bencher.iter_batched(proved, reading, BatchSize::PerIteration);
        });
        group.bench_function(BenchmarkId::new("digest", name), |bencher| {
            bencher.iter(|| Hash::of(black_box(&body)));
        });
    }
}

fn rosters(criterion: &mut Criterion) {
    let bench = Bench::new();
    let slot = Slot::of(bench.notice(bench.arrival(700)));
    let mut group = criterion.benchmark_group("rosters");
    for count in ROSTERS {
        let listed = members(count);
        let roster = bench.roster(&listed);
        group.throughput(Throughput::Elements(count.into()));
        group.bench_function(BenchmarkId::new("build", count), |bencher| {
            bencher.iter(|| bench.roster(black_box(&listed)));
        });
        group.bench_function(BenchmarkId::new("judge", count), |bencher| {
            bencher.iter(|| slot.put(bench.clear(slot.take(), &roster).into_notice()));
        });
    }
}

fn handoff(criterion: &mut Criterion) {
    let bench = Bench::new();
    let (slot, roster) = (Slot::of(bench.notice(bench.arrival(700))), bench.roster(&members(10)));
    let destination = Destination {
        uri: "http://127.0.0.1:5000/webhook".parse().unwrap(),
        bot: "helpdesk".into(),
        pass_signature: true,
        sign: None,
        headers: http::HeaderMap::new(),
    };
    criterion.bench_function("handoff", |bencher| {
        let cleared = || bench.clear(slot.take(), &roster);
        let handing = |cleared| {
            let (request, notice) = request(cleared, &destination, None, rt::now().wall);
            slot.put(notice);
            request
        };
        bencher.iter_batched(cleared, handing, BatchSize::PerIteration);
    });
}

fn ids(criterion: &mut Criterion) {
    let spellings = [
        ("public", public("ROOM", 7)),
        ("padded", format!("{}=", public("ROOM", 7))),
        ("bare", "5f0c21e9-6a55-4a53-9d0c-3a2a3c9f0007".to_owned()),
        ("none", "x".repeat(256)),
    ];
    let mut group = criterion.benchmark_group("ids");
    for (name, text) in spellings {
        group.bench_function(name, |bencher| bencher.iter(|| RoomId::parse(black_box(&text))));
    }
}

/// One line of the chain, of the length of a record.
fn chain(criterion: &mut Criterion) {
    let (open, head) = (format!("{{\"ts\":\"{}\"", "x".repeat(700)), Head::default());
    criterion.bench_function("chain", |bencher| {
        bencher.iter_batched(
            || open.clone(),
            |mut line| head.close(black_box(&mut line), 0, Chain::Linked),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(core, bodies, rosters, handoff, ids, chain);
criterion_main!(core);

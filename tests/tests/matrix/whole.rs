//! All cells, and the page about them.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use tests::{BrokerVersion, Client};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};

use crate::cell::{Cell, FORMATS};
use crate::page;
use crate::stage::Stage;

/// Cells at work at once. In each there are several processes, which mostly wait for one another.
const AT_ONCE: usize = 3;

/// The formats that passed.
type Results = BTreeMap<(Client, BrokerVersion), Vec<&'static str>>;

/// With `MATRIX=all` each cell is run, and the page says what came of it; otherwise the page is as the last such run has left it.
/// `MATRIX=kafkajs`, `MATRIX="go on 4.2"` and the like run cells of such names and leave the page alone.
/// Conformance: P17-39.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_every_cell_and_each_has_passed() {
    let wanted = std::env::var("MATRIX").unwrap_or_default();
    if !wanted.is_empty() && wanted != "all" {
        let failed = run(&wanted).await.1;
        assert!(failed.is_empty(), "{failed:?}");
        return;
    }
    if wanted == "all" {
        let results = run("").await.0;
        let page = page::render(|client, version| match results.get(&(client, version)) {
            Some(formats) => {
                FORMATS.into_iter().filter(|format| formats.contains(format)).collect::<Vec<_>>().join(", ")
            }
            None => "fails".to_owned(),
        });
        fs::write(page::file(), page).unwrap();
    }
    let page = fs::read_to_string(page::file()).unwrap_or_default();
    let wanted = page::render(|_, _| page::passed());
    assert!(page == wanted, "make test-matrix writes matrix.md, which is\n{page}\nand should be\n{wanted}");
}

/// Runs the cells whose names have this in them, and tells what passed and what failed.
async fn run(wanted: &str) -> (Results, Vec<String>) {
    let (mut results, mut failed) = (Results::new(), Vec::new());
    for version in BrokerVersion::all() {
        let cells = Client::MATRIX.into_iter().flat_map(|client| FORMATS.map(|format| (client, format)));
        let wanted =
            |(client, format): &(Client, &str)| format!("{client} on {version}, {format}").contains(wanted);
        let cells: Vec<_> = cells.filter(wanted).collect();
        if cells.is_empty() {
            continue;
        }
        let stage = Arc::new(Stage::start(version).await);
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = JoinSet::new();
        for (client, format) in cells {
            let (stage, turns) = (stage.clone(), turns.clone());
            running.spawn(async move {
                let _turn = turns.acquire().await.unwrap();
                let cell = Cell::new(stage, client, format);
                let what = cell.what("all steps");
                // A thread of its own, so that a panic fails the cell and not the run.
                let passed = spawn_blocking(|| Handle::current().block_on(cell.run())).await.is_ok();
                println!("{what}: {}", if passed { "passed" } else { "FAILED" });
                if passed { Ok((client, format)) } else { Err(what) }
            });
        }
        while let Some(cell) = running.join_next().await {
            match cell.unwrap() {
                Ok((client, format)) => results.entry((client, version)).or_default().push(format),
                Err(what) => failed.push(what),
            }
        }
    }
    (results, failed)
}

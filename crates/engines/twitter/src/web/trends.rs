use sealwork_upstream::{Fault, read_json};
use serde::Deserialize;

use crate::loose::{List, Text};

#[derive(Deserialize)]
struct Guide<'a> {
    #[serde(borrow)]
    timeline: Timeline<'a>,
}

#[derive(Deserialize)]
struct Timeline<'a> {
    #[serde(borrow)]
    instructions: List<Instruction<'a>>,
}

#[derive(Deserialize)]
struct Instruction<'a> {
    #[serde(borrow, rename = "addEntries")]
    add: Option<Entries<'a>>,
}

#[derive(Deserialize)]
struct Entries<'a> {
    #[serde(borrow)]
    entries: List<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    content: Option<Content<'a>>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow, rename = "timelineModule")]
    module: Option<Module<'a>>,
}

#[derive(Deserialize)]
struct Module<'a> {
    #[serde(borrow, default)]
    items: List<ModuleItem<'a>>,
}

#[derive(Deserialize)]
struct ModuleItem<'a> {
    #[serde(borrow)]
    item: Option<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    content: Option<ItemContent<'a>>,
}

#[derive(Deserialize)]
struct ItemContent<'a> {
    #[serde(borrow)]
    trend: Option<Trend<'a>>,
}

#[derive(Deserialize)]
struct Trend<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

/// The names of what is trending, in the order of `guide.json`.
pub(super) fn read_trends(body: &[u8]) -> Result<Vec<Text<'_>>, Fault> {
    const WHAT: &str = "a list of trends";
    let guide: Guide<'_> = read_json(body, WHAT)?;
    let entries = guide.timeline.instructions.0.into_iter().filter_map(|it| it.add);
    let modules = entries.flat_map(|add| add.entries.0).filter_map(|entry| entry.content?.module);
    let items = modules.flat_map(|module| module.items.0).filter_map(|item| item.item?.content);
    let names: Vec<Text<'_>> =
        items.filter_map(|content| content.trend).map(|trend| trend.name).collect();
    // There is always something that people talk about.
    if names.is_empty() { Err(Fault::Shape(WHAT)) } else { Ok(names) }
}

//! The actor's own examples, read by the code that reads its items: see `samples/SOURCES.md`.

use sealwork_engine_reddit::Item;
use serde_json::Value;

#[test]
fn the_actors_examples_come_through_unchanged() {
    for (sample, is_kind) in [
        (
            include_str!("samples/post.json"),
            (|item| matches!(item, Item::Post(_))) as fn(&Item) -> _,
        ),
        (include_str!("samples/comment.json"), |item| matches!(item, Item::Comment(_))),
        (include_str!("samples/community.json"), |item| matches!(item, Item::Community(_))),
        (include_str!("samples/user.json"), |item| matches!(item, Item::User(_))),
    ] {
        let item: Item = serde_json::from_str(sample).unwrap();
        assert!(is_kind(&item));
        let given: Value = serde_json::from_str(sample).unwrap();
        assert_eq!(serde_json::to_value(&item).unwrap(), given);
        assert!(item.is_after("2000-01-01T00:00:00Z".parse().unwrap()));
        assert!(!item.is_after("2024-01-01T00:00:00Z".parse().unwrap()));
    }
}

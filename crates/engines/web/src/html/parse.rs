//! HTML to a tree, bounded in nodes, nesting, attributes and time.
//!
//! html5ever follows the standard, and the standard has no bounds: nesting costs stack in whatever
//! walks the tree, open formatting elements multiply nodes, and some steps are quadratic. Here the
//! tokens pass a gate on their way to the tree builder.

use std::{
    borrow::Cow,
    cell::{Cell, Ref, RefCell},
    collections::HashMap,
};

use dom_query::{Document as Dom, NodeData, NodeId, NodeRef};
use html5ever::{
    Attribute, LocalName, QualName,
    buffer_queue::BufferQueue,
    local_name, ns,
    tendril::StrTendril,
    tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts},
    tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeBuilder, TreeBuilderOpts, TreeSink},
};

use crate::budget::Budget;

/// Deepest nesting of elements that are kept as they are; deeper ones are left out, their text
/// stays. Browsers cap at 512.
const MAX_DEPTH: u32 = 256;
/// Deepest nesting of the tree, whatever the tree builder did; below it is nothing.
const HARD_DEPTH: usize = 400;
/// Nodes of the tree; an article of 100,000 words has some ten thousand.
const MAX_NODES: usize = 200_000;
/// Attributes of an element; later ones are dropped.
const MAX_ATTRIBUTES: usize = 128;
/// Bytes of an attribute's value; longer ones, inlined images mostly, are emptied.
const MAX_VALUE: usize = 8 << 10;
/// Bytes from which on a text node takes no more; what follows goes into another one beside it.
/// Writing a node as HTML takes time quadratic in its length when it is full of `&`.
const FULL_TEXT: usize = 4 << 10;
/// Bytes that the tokenizer gets between two looks at the budget.
const CHUNK: usize = 8 << 10;

/// Why a page's tree is not all of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// It has too many nodes.
    Nodes,
    /// It is nested too deep.
    Depth,
    /// Parsing took too long, or the job was stopped.
    Time,
}

/// Parses `html` as a document.
pub(super) fn parse(html: &str, budget: &dyn Budget) -> (Dom, Option<Cut>) {
    let options = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
    let gate = Gate {
        builder: TreeBuilder::new(Sink::default(), options),
        dropped: RefCell::default(),
        full: Cell::new(false),
    };
    let tokenizer = Tokenizer::new(gate, TokenizerOpts::default());
    let input = BufferQueue::default();
    let mut cut = None;
    for chunk in chunks(html) {
        if !budget.allows() {
            cut = Some(Cut::Time);
            break;
        }
        input.push_back(StrTendril::from_slice(chunk));
        // Scripts and encoding hints suspend the tokenizer; nothing is to be done about them.
        while !input.is_empty() {
            let _ = tokenizer.feed(&input);
        }
        if tokenizer.sink.full.get() {
            cut = Some(Cut::Nodes);
            break;
        }
    }
    tokenizer.end();
    let dom = tokenizer.sink.builder.sink.finish();
    // What other templates hold is not part of the page.
    dom.select("template").remove();
    put_title_in_head(&dom);
    if trim(&dom) {
        cut = cut.or(Some(Cut::Depth));
    }
    (dom, cut)
}

/// Puts the first `title` into the head, and takes the others out of the body. The first one is the
/// document's title wherever it stands (HTML, `document.title`), and one that stands behind an
/// element which does not belong into a head, such as a tracker's image, has landed in the body.
/// None is ever shown, and nor is the title of a drawing.
fn put_title_in_head(dom: &Dom) {
    let is_html = |node: &NodeRef<'_>| dom.elem_name(&node.id).ns == ns!(html);
    let titles = dom.select("title");
    let Some(head) = dom.head() else { return };
    let is_in_head = |node: &NodeRef<'_>| node.parent().is_some_and(|parent| parent.id == head.id);
    if let Some(first) = titles.nodes().iter().find(|node| is_html(node))
        && !is_in_head(first)
    {
        first.remove_from_parent();
        head.append_child(first);
    }
    titles.nodes().iter().filter(|node| !is_in_head(node)).for_each(NodeRef::remove_from_parent);
}

fn chunks(html: &str) -> impl Iterator<Item = &str> {
    let mut rest = html;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (chunk, after) = rest.split_at(rest.floor_char_boundary(CHUNK.min(rest.len())));
        rest = after;
        Some(chunk)
    })
}

/// Empties nodes at [`HARD_DEPTH`]; true when there were any.
fn trim(dom: &Dom) -> bool {
    let mut trimmed = false;
    let mut level: Option<NodeRef<'_>> = dom.root().first_child();
    let mut depth = 1;
    while let Some(node) = level {
        let child = node.first_child();
        if child.is_some() && depth >= HARD_DEPTH {
            node.remove_children();
            trimmed = true;
        } else if child.is_some() {
            (level, depth) = (child, depth + 1);
            continue;
        }
        level = Some(node);
        while let Some(node) = level {
            if let Some(next) = node.next_sibling() {
                level = Some(next);
                break;
            }
            level = node.parent();
            depth -= 1;
            if depth == 0 {
                return trimmed;
            }
        }
    }
    trimmed
}

/// Between tokenizer and tree builder.
struct Gate {
    builder: TreeBuilder<Handle, Sink>,
    /// Start tags that were left out, by name: as many end tags are left out too.
    dropped: RefCell<HashMap<LocalName, u32>>,
    full: Cell<bool>,
}

impl TokenSink for Gate {
    type Handle = Handle;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<Handle> {
        if self.builder.sink.dom.tree.len() >= MAX_NODES {
            self.full.set(true);
            if token != Token::EOFToken {
                return TokenSinkResult::Continue;
            }
        }
        match token {
            Token::TagToken(tag) => self.tag(tag, line),
            Token::ParseError(_) | Token::CommentToken(_) => TokenSinkResult::Continue,
            other => self.builder.process_token(other, line),
        }
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder.adjusted_current_node_present_but_not_in_html_namespace()
    }
}

impl Gate {
    fn tag(&self, mut tag: Tag, line: u64) -> TokenSinkResult<Handle> {
        let depth = &self.builder.sink.depth;
        match tag.kind {
            TagKind::StartTag => {
                if (depth.get() >= MAX_DEPTH && !is_leaf(&tag.name)) || is_shadow_root(&tag) {
                    *self.dropped.borrow_mut().entry(tag.name).or_default() += 1;
                    return TokenSinkResult::Continue;
                }
                tag.attrs.truncate(MAX_ATTRIBUTES);
                for attribute in &mut tag.attrs {
                    if attribute.value.len() > MAX_VALUE {
                        attribute.value = StrTendril::new();
                    }
                }
            }
            TagKind::EndTag => {
                if let Some(count) = self.dropped.borrow_mut().get_mut(&tag.name)
                    && *count > 0
                {
                    *count -= 1;
                    return TokenSinkResult::Continue;
                }
                depth.set(depth.get().saturating_sub(1));
            }
        }
        self.builder.process_token(Token::TagToken(tag), line)
    }
}

/// A template whose content a browser shows in place: it is taken for part of the page.
fn is_shadow_root(tag: &Tag) -> bool {
    tag.name == local_name!("template")
        && tag.attrs.iter().any(|attribute| *attribute.name.local == *"shadowrootmode")
}

/// Elements that hold no elements. Those with raw text must never be left out, or their text would
/// be read as markup.
fn is_leaf(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("script")
            | local_name!("style")
            | local_name!("title")
            | local_name!("textarea")
            | local_name!("iframe")
            | local_name!("noembed")
            | local_name!("noframes")
            | local_name!("xmp")
            | local_name!("plaintext")
            | local_name!("br")
            | local_name!("hr")
            | local_name!("img")
            | local_name!("input")
            | local_name!("link")
            | local_name!("meta")
            | local_name!("area")
            | local_name!("base")
            | local_name!("col")
            | local_name!("embed")
            | local_name!("source")
            | local_name!("track")
            | local_name!("wbr")
    )
}

/// A node, and its index in the order of creation.
#[derive(Clone, Copy)]
struct Handle {
    id: NodeId,
    index: usize,
}

/// The tree, with an estimate of how deep the tree builder stands in it.
#[derive(Default)]
struct Sink {
    dom: Dom,
    /// Depth of each node by index. The tree builder moves subtrees without telling their depths,
    /// so [`trim`] has the last word.
    depths: RefCell<Vec<u32>>,
    /// Depth of the element that was opened last, less the end tags since.
    depth: Cell<u32>,
}

impl Sink {
    fn depth_of(&self, handle: Handle) -> u32 {
        self.depths.borrow().get(handle.index).copied().unwrap_or(0)
    }

    fn placed(&self, depth: u32, child: &NodeOrText<Handle>) {
        match child {
            NodeOrText::AppendNode(node) => {
                let mut depths = self.depths.borrow_mut();
                if depths.len() <= node.index {
                    depths.resize(node.index + 1, 0);
                }
                depths[node.index] = depth;
                self.depth.set(depth);
            }
            NodeOrText::AppendText(_) => self.depth.set(depth.saturating_sub(1)),
        }
    }

    fn ends_in_full_text(&self, parent: NodeId) -> bool {
        let last = self.dom.tree.last_child_of(&parent);
        last.is_some_and(|last| {
            last.query_or(false, |node| match &node.data {
                NodeData::Text { contents } => contents.len() >= FULL_TEXT,
                _ => false,
            })
        })
    }

    /// A handle for the node that `create` makes.
    fn created(&self, create: impl FnOnce(&Dom) -> NodeId) -> Handle {
        let index = self.dom.tree.len();
        Handle { id: create(&self.dom), index }
    }
}

fn inner(child: NodeOrText<Handle>) -> NodeOrText<NodeId> {
    match child {
        NodeOrText::AppendNode(node) => NodeOrText::AppendNode(node.id),
        NodeOrText::AppendText(text) => NodeOrText::AppendText(text),
    }
}

impl TreeSink for Sink {
    type Handle = Handle;
    type Output = Dom;
    type ElemName<'a> = Ref<'a, QualName>;

    fn finish(self) -> Dom {
        self.dom
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Handle {
        Handle { id: self.dom.get_document(), index: 0 }
    }

    fn elem_name<'a>(&'a self, target: &'a Handle) -> Ref<'a, QualName> {
        self.dom.elem_name(&target.id)
    }

    fn create_element(
        &self,
        name: QualName,
        attributes: Vec<Attribute>,
        flags: ElementFlags,
    ) -> Handle {
        self.created(|dom| dom.create_element(name, attributes, flags))
    }

    fn create_comment(&self, text: StrTendril) -> Handle {
        self.created(|dom| dom.create_comment(text))
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> Handle {
        self.created(|dom| dom.create_pi(target, data))
    }

    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        self.placed(self.depth_of(*parent) + 1, &child);
        if let NodeOrText::AppendText(contents) = &child
            && self.ends_in_full_text(parent.id)
        {
            let contents = contents.clone();
            self.dom.tree.append_child_data_of(&parent.id, NodeData::Text { contents });
            return;
        }
        self.dom.append(&parent.id, inner(child));
    }

    fn append_before_sibling(&self, sibling: &Handle, child: NodeOrText<Handle>) {
        self.placed(self.depth_of(*sibling), &child);
        self.dom.append_before_sibling(&sibling.id, inner(child));
    }

    fn append_based_on_parent_node(
        &self,
        element: &Handle,
        previous: &Handle,
        child: NodeOrText<Handle>,
    ) {
        self.placed(self.depth_of(*element), &child);
        self.dom.append_based_on_parent_node(&element.id, &previous.id, inner(child));
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn get_template_contents(&self, target: &Handle) -> Handle {
        // Created together with its element, right behind it.
        let index = target.index + 1;
        let depth = self.depth_of(*target);
        let mut depths = self.depths.borrow_mut();
        if depths.len() <= index {
            depths.resize(index + 1, 0);
        }
        depths[index] = depth;
        Handle { id: self.dom.get_template_contents(&target.id), index }
    }

    fn same_node(&self, one: &Handle, other: &Handle) -> bool {
        one.id == other.id
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.dom.set_quirks_mode(mode);
    }

    fn add_attrs_if_missing(&self, target: &Handle, attributes: Vec<Attribute>) {
        self.dom.add_attrs_if_missing(&target.id, attributes);
    }

    fn remove_from_parent(&self, target: &Handle) {
        self.dom.remove_from_parent(&target.id);
    }

    fn reparent_children(&self, node: &Handle, new_parent: &Handle) {
        self.dom.reparent_children(&node.id, &new_parent.id);
    }

    fn is_mathml_annotation_xml_integration_point(&self, target: &Handle) -> bool {
        self.dom.is_mathml_annotation_xml_integration_point(&target.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Unlimited;

    fn depth(dom: &Dom) -> usize {
        let root = dom.root();
        let nodes: Vec<_> = root.descendants_it().collect();
        nodes.iter().map(|node| node.ancestors_it(None).count()).max().unwrap_or(0)
    }

    #[test]
    fn an_ordinary_page_gives_the_tree_of_the_standard() {
        let html =
            "<!doctype html><title>t</title><ul><li>a<li>b</ul><table><td>c</table><b><p>d</b>e";
        let (dom, cut) = parse(html, &Unlimited);
        let own = dom.html().to_string();
        assert_eq!(cut, None);
        assert_eq!(own, Dom::from(html).html().trim_start_matches("<!DOCTYPE html>"));
    }

    #[test]
    fn deep_nesting_is_flattened_and_keeps_its_text() {
        for tag in ["div", "span", "b", "section", "ul><li", "table><tr><td", "blockquote", "svg"] {
            let html = format!("<{tag}>").repeat(100_000) + "inner text";
            let (dom, _) = parse(&html, &Unlimited);
            assert!(depth(&dom) <= HARD_DEPTH, "{tag}: {}", depth(&dom));
            assert!(dom.text().contains("inner text"), "{tag}");
        }
    }

    #[test]
    fn what_follows_deep_nesting_is_kept_in_its_place() {
        let html = format!(
            "<main>{}deep{}<p>after</p></main><footer>end</footer>",
            "<div>".repeat(1000),
            "</div>".repeat(1000)
        );
        let (dom, cut) = parse(&html, &Unlimited);
        assert_eq!(cut, None);
        assert_eq!(dom.select("main > p").text().as_ref(), "after");
        assert_eq!(dom.select("body > footer").text().as_ref(), "end");
    }

    #[test]
    fn a_long_list_without_end_tags_is_not_taken_for_nesting() {
        let html = format!("<ul>{}</ul><p>x", "<li><p>item".repeat(5_000));
        let (dom, cut) = parse(&html, &Unlimited);
        assert_eq!((dom.select("li > p").length(), cut), (5_000, None));
    }

    #[test]
    fn formatting_elements_cannot_multiply_without_bound() {
        let open: String = (0..2000).map(|n| format!("<b a={n}>")).collect();
        let cycle = open.clone() + "</div><div>x";
        let (dom, _) = parse(&(open + &"<p>x".repeat(100_000)), &Unlimited);
        assert!(dom.tree.len() <= MAX_NODES + 1_000 && depth(&dom) <= HARD_DEPTH);
        let (dom, _) = parse(&cycle.repeat(100), &Unlimited);
        assert!(dom.tree.len() <= MAX_NODES + 1_000 && depth(&dom) <= HARD_DEPTH);
    }

    #[test]
    fn too_many_nodes_and_an_empty_budget_cut_the_page() {
        struct Nothing;
        impl Budget for Nothing {
            fn allows(&self) -> bool {
                false
            }
        }
        let html = "<br>".repeat(MAX_NODES + 10);
        let (dom, cut) = parse(&html, &Unlimited);
        assert_eq!(cut, Some(Cut::Nodes));
        assert!(dom.tree.len() <= MAX_NODES);
        assert_eq!(parse("<p>x", &Nothing).1, Some(Cut::Time));
    }

    #[test]
    fn attributes_are_bounded_in_number_and_size() {
        let many: String = (0..1000).map(|n| format!(" a{n}=1")).collect();
        let html = format!("<p{many}>x</p><i title={} id=i>y</i>", "t".repeat(MAX_VALUE + 1));
        let (dom, _) = parse(&html, &Unlimited);
        assert_eq!(dom.select("p").nodes()[0].attrs().len(), MAX_ATTRIBUTES);
        assert_eq!(dom.select("#i").attr("title").as_deref(), Some(""));
    }

    #[test]
    fn long_texts_are_split_without_a_seam() {
        let word = "a&amp;b ";
        let (dom, _) = parse(&format!("<p>{}", word.repeat(10_000)), &Unlimited);
        assert_eq!(dom.select("p").text().as_ref(), "a&b ".repeat(10_000));
        assert!(dom.select("p").nodes()[0].children().len() > 5);
    }

    #[test]
    fn adoption_and_foster_parenting_stay_within_the_depth() {
        for html in [
            "<a><div></a>".repeat(20_000),
            "<table><a>".repeat(20_000),
            "<b><p></b>".repeat(20_000),
            "<div></x></x></x>".repeat(20_000),
            "<template>".repeat(20_000),
            "<table><tr><td><b>".repeat(20_000),
            "<svg><foreignObject><math><mi>".repeat(20_000),
        ] {
            let (dom, _) = parse(&html, &Unlimited);
            assert!(depth(&dom) <= HARD_DEPTH, "{}: {}", &html[..20], depth(&dom));
        }
    }
}

//! The graph of a crate's modules: which file names items that another file defines.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::{fs, io};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Meta, UseTree, Visibility};

/// An item that a file names, and the first line that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The name of the item.
    pub item: String,
    /// The line, from 1.
    pub line: usize,
}

/// Which file of a crate names items that another one defines, by imports, paths, or tokens in the arguments of macros. Files
/// are named relative to the source folder. An inline module belongs to its file, and code for tests is left out. Neither a
/// declaration of a module nor a re-export is an edge: who names a re-exported item depends on the file that defines it.
#[derive(Debug, Default)]
pub struct ModuleGraph {
    edges: BTreeMap<String, BTreeMap<String, Vec<Reference>>>,
}

impl ModuleGraph {
    /// Reads the crate with this source folder, from `lib.rs` and `main.rs`.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or parsed, or if a path from `crate`, `self` or `super` leads to no item that is known.
    pub fn read(src: &Path) -> io::Result<Self> {
        let mut graph = Self::default();
        for root in ["lib.rs", "main.rs"].iter().filter(|root| src.join(root).is_file()) {
            let mut tree = Tree { src: src.to_path_buf(), modules: Vec::new() };
            tree.read_file(None, src.join(root), src.to_path_buf())?;
            for module in 0..tree.modules.len() {
                tree.references(module, &mut graph)?;
            }
        }
        Ok(graph)
    }

    /// All edges: the file that names items, the file that defines them, and the items.
    pub fn edges(&self) -> impl Iterator<Item = (&str, &str, &[Reference])> {
        self.edges.iter().flat_map(|(from, targets)| {
            targets.iter().map(move |(to, references)| (from.as_str(), to.as_str(), references.as_slice()))
        })
    }

    /// Whether the first file names items of the second.
    #[must_use]
    pub fn has_edge(&self, from: &str, to: &str) -> bool {
        self.edges.get(from).is_some_and(|targets| targets.contains_key(to))
    }

    /// The shortest way from one file to another, with both ends.
    #[must_use]
    pub fn path(&self, from: &str, to: &str) -> Option<Vec<&str>> {
        let (from, _) = self.edges.get_key_value(from)?;
        let mut previous = BTreeMap::from([(from.as_str(), None)]);
        let mut queue = VecDeque::from([from.as_str()]);
        while let Some(file) = queue.pop_front() {
            if file == to {
                let mut path: Vec<&str> = std::iter::successors(Some(file), |file| previous[file]).collect();
                path.reverse();
                return Some(path);
            }
            for next in self.edges.get(file).into_iter().flat_map(BTreeMap::keys) {
                previous.entry(next.as_str()).or_insert_with(|| {
                    queue.push_back(next);
                    Some(file)
                });
            }
        }
        None
    }

    /// The shortest cycle through each edge, except through those between two files of `allowed`. Each cycle starts with the
    /// file of the first name.
    #[must_use]
    pub fn cycles(&self, allowed: &[(&str, &str)]) -> BTreeSet<Vec<&str>> {
        self.edges()
            .filter(|(from, to, _)| !allowed.contains(&(from, to)) && !allowed.contains(&(to, from)))
            .filter_map(|(from, to, _)| {
                let mut cycle = self.path(to, from)?;
                let first = (0..cycle.len()).min_by_key(|&index| cycle[index])?;
                cycle.rotate_left(first);
                Some(cycle)
            })
            .collect()
    }

    /// A cycle with an item for each edge, as in `` a.rs -> b.rs (because of `Item`, line 3) -> a.rs (because of ...) ``.
    #[must_use]
    pub fn describe(&self, cycle: &[&str]) -> String {
        let mut text = cycle.first().copied().unwrap_or_default().to_owned();
        for (from, to) in cycle.iter().zip(cycle.iter().cycle().skip(1)) {
            let Reference { item, line } = &self.edges[*from][*to][0];
            text += &format!(" -> {to} (because of `{item}`, line {line})");
        }
        text
    }

    fn add(&mut self, from: &str, to: &str, item: &str, line: usize) {
        if from == to {
            return;
        }
        let references = self.edges.entry(from.to_owned()).or_default().entry(to.to_owned()).or_default();
        match references.iter_mut().find(|reference| reference.item == item) {
            Some(reference) => reference.line = reference.line.min(line),
            None => references.push(Reference { item: item.to_owned(), line }),
        }
    }
}

/// What a name or path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Module(usize),
    Item { module: usize, name: String },
    Macro { module: usize, name: String },
}

struct Import {
    /// `None` for a glob.
    name: Option<String>,
    path: Vec<String>,
    line: usize,
    is_re_export: bool,
}

struct Module {
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    macros: BTreeSet<String>,
    imports: Vec<Import>,
    syntax: Vec<Item>,
}

/// The modules of a crate, the root first.
struct Tree {
    src: PathBuf,
    modules: Vec<Module>,
}

impl Tree {
    fn read_file(&mut self, parent: Option<usize>, path: PathBuf, children: PathBuf) -> io::Result<usize> {
        let syntax = syn::parse_file(&fs::read_to_string(&path)?)
            .map_err(|error| io::Error::other(format!("{}:{}: {error}", path.display(), error.span().start().line)))?;
        let file = path.strip_prefix(&self.src).unwrap_or(&path).to_string_lossy().into_owned();
        self.add_module(parent, file, &children, syntax.items)
    }

    fn add_module(
        &mut self,
        parent: Option<usize>,
        file: String,
        children: &Path,
        mut syntax: Vec<Item>,
    ) -> io::Result<usize> {
        syntax.retain(|item| !is_for_tests(item_head(item).0));
        let mut imports = Imports::default();
        let (mut items, mut macros) = (BTreeSet::new(), BTreeSet::new());
        let mut generated = BTreeSet::new();
        for item in &syntax {
            imports.visit_item(item);
            match item {
                Item::Macro(item) => match &item.ident {
                    Some(name) => drop(macros.insert(name.to_string())),
                    // A macro may define items; their names are among its arguments.
                    None => generated.extend(item.mac.tokens.clone().into_iter().filter_map(|token| match token {
                        TokenTree::Ident(name) => Some(name.to_string()),
                        _ => None,
                    })),
                },
                item => items.extend(item_head(item).1.map(ToString::to_string)),
            }
        }
        let imports = imports.0;
        generated.retain(|name| imports.iter().all(|import| import.name.as_ref() != Some(name)));
        items.extend(generated);

        let index = self.modules.len();
        let modules = syntax.iter_mut().filter_map(|item| match item {
            Item::Mod(item) => Some((item.ident.to_string(), item.content.take())),
            _ => None,
        });
        let modules: Vec<_> = modules.collect();
        self.modules.push(Module {
            file: file.clone(),
            parent,
            children: BTreeMap::new(),
            items,
            macros,
            imports,
            syntax,
        });
        for (name, content) in modules {
            let folder = children.join(&name);
            let child = match content {
                Some((_, items)) => self.add_module(Some(index), file.clone(), &folder, items)?,
                None => {
                    let plain = folder.with_extension("rs");
                    let path = if plain.is_file() { plain } else { folder.join("mod.rs") };
                    self.read_file(Some(index), path, folder)?
                }
            };
            self.modules[index].children.insert(name, child);
        }
        Ok(index)
    }

    /// What `name` means in `module`. `seen` holds the imports that are being followed.
    fn lookup(&self, module: usize, name: &str, seen: &mut BTreeSet<(usize, usize)>) -> Vec<Target> {
        let Module { children, items, macros, imports, .. } = &self.modules[module];
        let mut targets: Vec<Target> = children.get(name).map(|child| Target::Module(*child)).into_iter().collect();
        if items.contains(name) {
            targets.push(Target::Item { module, name: name.to_owned() });
        }
        if macros.contains(name) {
            targets.push(Target::Macro { module, name: name.to_owned() });
        }
        let follow = |import: usize, path: &[String], seen: &mut BTreeSet<(usize, usize)>| {
            if !seen.insert((module, import)) {
                return Vec::new();
            }
            let targets = self.resolve(module, path, seen);
            seen.remove(&(module, import));
            targets
        };
        for (index, import) in imports.iter().enumerate() {
            if import.name.as_deref() == Some(name) {
                targets.extend(follow(index, &import.path, seen));
            }
        }
        if targets.is_empty() {
            for (index, import) in imports.iter().enumerate().filter(|(_, import)| import.name.is_none()) {
                for target in follow(index, &import.path, seen) {
                    if let Target::Module(glob) = target
                        && seen.insert((glob, usize::MAX))
                    {
                        targets.extend(self.lookup(glob, name, seen));
                        seen.remove(&(glob, usize::MAX));
                    }
                }
            }
        }
        targets
    }

    fn resolve(&self, module: usize, path: &[String], seen: &mut BTreeSet<(usize, usize)>) -> Vec<Target> {
        let mut targets = Vec::new();
        for (index, name) in path.iter().enumerate() {
            targets = match name.as_str() {
                "crate" | "$crate" => vec![Target::Module(0)],
                "self" => vec![Target::Module(module)],
                "super" => {
                    let from = if let [Target::Module(module)] = targets[..] { module } else { module };
                    self.modules[from].parent.map(Target::Module).into_iter().collect()
                }
                name if index == 0 => self.lookup(module, name, seen),
                name => {
                    let modules = targets.iter().filter_map(|target| match target {
                        Target::Module(module) => Some(*module),
                        _ => None,
                    });
                    let inner: Vec<Target> = modules.flat_map(|module| self.lookup(module, name, seen)).collect();
                    // What follows the name of an item is a part of the item.
                    targets.retain(|target| matches!(target, Target::Item { .. }));
                    if inner.is_empty() { targets } else { inner }
                }
            };
        }
        targets
    }

    /// Adds what a module names to the graph.
    fn references(&self, module: usize, graph: &mut ModuleGraph) -> io::Result<()> {
        let mut references = References { tree: self, module, graph, locals: Vec::new(), unresolved: Vec::new() };
        for item in &self.modules[module].syntax {
            references.visit_item(item);
        }
        for import in &self.modules[module].imports {
            references.import(import);
        }
        match references.unresolved.first() {
            None => Ok(()),
            Some(place) => Err(io::Error::other(format!("{}: cannot resolve {place}", self.modules[module].file))),
        }
    }
}

/// The imports of a module, those in blocks included.
#[derive(Default)]
struct Imports(Vec<Import>);

impl Imports {
    fn add(&mut self, tree: &UseTree, path: &[String], is_re_export: bool) {
        let mut leaf = |ident: &syn::Ident, name: Option<&syn::Ident>| {
            let line = ident.span().start().line;
            let path = if ident == "self" { path.to_vec() } else { [path, &[ident.to_string()]].concat() };
            let name = name.map(ToString::to_string).or_else(|| path.last().cloned());
            self.0.push(Import { name, path, line, is_re_export });
        };
        match tree {
            UseTree::Path(tree) => {
                self.add(&tree.tree, &[path, &[tree.ident.to_string()]].concat(), is_re_export);
            }
            UseTree::Name(tree) => leaf(&tree.ident, None),
            UseTree::Rename(tree) => leaf(&tree.ident, Some(&tree.rename)),
            UseTree::Glob(tree) => {
                let line = tree.star_token.spans[0].start().line;
                self.0.push(Import { name: None, path: path.to_vec(), line, is_re_export });
            }
            UseTree::Group(tree) => tree.items.iter().for_each(|tree| self.add(tree, path, is_re_export)),
        }
    }
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if item.leading_colon.is_none() && !is_for_tests(&item.attrs) {
            self.add(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
        }
    }

    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {}
}

/// The names that the patterns of a function bind.
#[derive(Default)]
struct Locals(BTreeSet<String>);

impl<'ast> Visit<'ast> for Locals {
    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        self.0.insert(pattern.ident.to_string());
        visit::visit_pat_ident(self, pattern);
    }
}

/// Visits the code of a module and adds what it names to the graph.
struct References<'a> {
    tree: &'a Tree,
    module: usize,
    graph: &'a mut ModuleGraph,
    locals: Vec<BTreeSet<String>>,
    unresolved: Vec<String>,
}

impl References<'_> {
    fn import(&mut self, import: &Import) {
        let targets = self.tree.resolve(self.module, &import.path, &mut BTreeSet::new());
        self.check(&import.path, &targets, import.line);
        // The name of a module that is also the name of an item: it depends on the code what is used.
        let names_module = targets.iter().any(|target| matches!(target, Target::Module(_)));
        if !import.is_re_export && !names_module {
            self.add(&targets, import.line);
        }
    }

    fn path(&mut self, path: &[String], line: usize, is_macro: bool) {
        let is_local = |name: &String| {
            !name.starts_with(char::is_uppercase) && self.locals.iter().any(|locals| locals.contains(name))
        };
        if !is_macro && path.len() == 1 && is_local(&path[0]) {
            return;
        }
        let mut targets = self.tree.resolve(self.module, path, &mut BTreeSet::new());
        self.check(path, &targets, line);
        targets.retain(|target| matches!(target, Target::Macro { .. }) == is_macro);
        if let ([name], [], true) = (path, &targets[..], is_macro) {
            // A macro is visible in the modules that follow it, too.
            let modules = &self.tree.modules;
            let mut ancestors = std::iter::successors(Some(self.module), |&module| modules[module].parent);
            let owner = ancestors.find(|&module| modules[module].macros.contains(name));
            targets.extend(owner.map(|module| Target::Macro { module, name: name.clone() }));
        }
        self.add(&targets, line);
    }

    fn check(&mut self, path: &[String], targets: &[Target], line: usize) {
        if targets.is_empty() && matches!(path[0].as_str(), "crate" | "self" | "super") && path != ["self"] {
            self.unresolved.push(format!("`{}` in line {line}", path.join("::")));
        }
    }

    fn add(&mut self, targets: &[Target], line: usize) {
        for target in targets {
            if let Target::Item { module, name } | Target::Macro { module, name } = target {
                let modules = &self.tree.modules;
                self.graph.add(&modules[self.module].file, &modules[*module].file, name, line);
            }
        }
    }

    /// Finds paths in the arguments of a macro or an attribute. The body of a macro is read where the macro is used, so that
    /// only paths from `crate` are known in a definition.
    fn tokens(&mut self, tokens: TokenStream, is_definition: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let punct = |index: usize, expected: char| matches!(tokens.get(index), Some(TokenTree::Punct(punct)) if punct.as_char() == expected);
        let joint = |index: usize, expected: char| {
            punct(index, expected)
                && matches!(&tokens[index], TokenTree::Punct(punct) if punct.spacing() == Spacing::Joint)
        };
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            let start = index;
            index += 1;
            match token {
                TokenTree::Group(group) => self.tokens(group.stream(), is_definition),
                TokenTree::Ident(first) => {
                    // What a macro takes from its crate may be a re-export of another crate.
                    let of_macro = if start > 0 && punct(start - 1, '$') { "$" } else { "" };
                    let mut path = vec![format!("{of_macro}{first}")];
                    while joint(index, ':') && punct(index + 1, ':') {
                        let Some(TokenTree::Ident(name)) = tokens.get(index + 2) else { break };
                        path.push(name.to_string());
                        index += 3;
                    }
                    let before = |character| start > 0 && punct(start - 1, character);
                    let is_range = start > 1 && before('.') && joint(start - 2, '.');
                    let is_member = before('.') && !is_range;
                    let is_field = path.len() == 1 && punct(index, ':') && !joint(index, ':');
                    let is_global = before(':') && start > 1 && joint(start - 2, ':');
                    if is_member || is_field || is_global || before('\'') || (is_definition && !path[0].ends_with("crate")) {
                        continue;
                    }
                    let is_macro = punct(index, '!')
                        && matches!(tokens.get(index + 1), Some(TokenTree::Group(group)) if group.delimiter() != Delimiter::None);
                    self.path(&path, first.span().start().line, is_macro);
                }
                _ => {}
            }
        }
    }

    fn function(&mut self, attributes: &[Attribute], visit: impl FnOnce(&mut Self), locals: Locals) {
        if !is_for_tests(attributes) {
            self.locals.push(locals.0);
            visit(self);
            self.locals.pop();
        }
    }
}

impl<'ast> Visit<'ast> for References<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.path(&names, path.segments[0].ident.span().start().line, false);
        }
        visit::visit_path(self, path);
    }

    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        let name = pattern.ident.to_string();
        if name.starts_with(char::is_uppercase) {
            self.path(&[name], pattern.ident.span().start().line, false);
        }
        visit::visit_pat_ident(self, pattern);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        let path: Vec<String> = item.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let is_definition = path == ["macro_rules"];
        self.path(&path, item.path.segments[0].ident.span().start().line, true);
        self.tokens(item.tokens.clone(), is_definition);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("derive") {
            return;
        }
        match &attribute.meta {
            Meta::List(list) => self.tokens(list.tokens.clone(), false),
            Meta::NameValue(pair) => self.visit_expr(&pair.value),
            Meta::Path(_) => {}
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let mut locals = Locals::default();
        locals.visit_item_fn(item);
        self.function(&item.attrs, |visitor| visit::visit_item_fn(visitor, item), locals);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        let mut locals = Locals::default();
        locals.visit_impl_item_fn(item);
        self.function(&item.attrs, |visitor| visit::visit_impl_item_fn(visitor, item), locals);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        let mut locals = Locals::default();
        locals.visit_trait_item_fn(item);
        self.function(&item.attrs, |visitor| visit::visit_trait_item_fn(visitor, item), locals);
    }

    fn visit_item_use(&mut self, _: &'ast syn::ItemUse) {}

    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {}

    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

/// The attributes of an item, and its name if others can name it; a module is in the tree instead.
fn item_head(item: &Item) -> (&[Attribute], Option<&syn::Ident>) {
    match item {
        Item::Const(item) => (&item.attrs, Some(&item.ident)),
        Item::Enum(item) => (&item.attrs, Some(&item.ident)),
        Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
        Item::Static(item) => (&item.attrs, Some(&item.ident)),
        Item::Struct(item) => (&item.attrs, Some(&item.ident)),
        Item::Trait(item) => (&item.attrs, Some(&item.ident)),
        Item::TraitAlias(item) => (&item.attrs, Some(&item.ident)),
        Item::Type(item) => (&item.attrs, Some(&item.ident)),
        Item::Union(item) => (&item.attrs, Some(&item.ident)),
        Item::Macro(item) => (&item.attrs, None),
        Item::Mod(item) => (&item.attrs, None),
        Item::Use(item) => (&item.attrs, None),
        Item::Impl(item) => (&item.attrs, None),
        Item::ForeignMod(item) => (&item.attrs, None),
        _ => (&[], None),
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            let has = |word| condition.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word);
            has("test") && !has("not") && !has("any")
        }
        _ => false,
    })
}

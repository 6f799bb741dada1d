//! Rows in the tree: framed, counted, verified on every read.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::fault::{Fault, Wrong};
use super::frame;
use super::meta::{META_KEY, Meta};
use super::row::{Change, Prefix, Row};
use super::tree::Tree;

/// A tree whose meta row is known.
pub(super) struct Table {
    tree: Tree,
    meta: Meta,
    unsynced: bool,
}

impl Table {
    /// `meta` is what the tree's meta row says, or an empty one for an empty tree.
    pub fn new(tree: Tree, meta: Meta) -> Self {
        Self {
            tree,
            meta,
            unsynced: false,
        }
    }

    /// The last commit that the table knows of. On disk it may stand lower, if the commits since
    /// changed no row.
    pub fn last_seq(&self) -> u64 {
        self.meta.last_seq
    }

    /// Rows in all.
    pub fn rows(&self) -> u64 {
        self.meta.tallies.rows()
    }

    /// Whether something was written that is not on disk yet.
    pub fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    /// Writes changes and the meta row in one batch, which brings the table to `last_seq`. Returns
    /// how many rows came, changed or went; where none did, nothing is written.
    pub fn write(
        &mut self,
        last_seq: u64,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<usize, Fault> {
        let mut tallies = self.meta.tallies.clone();
        let mut writes = Vec::new();
        for ((prefix, key), value) in by_row(changes) {
            let tree_key = prefix.tree_key(&key);
            let old = self.value(&tree_key)?;
            if old == value {
                continue;
            }
            if let Some(old) = old {
                tallies.remove(prefix, &key, &old);
            }
            if let Some(value) = &value {
                tallies.add(prefix, &key, value);
            }
            let framed = value.map(|value| frame::seal(&tree_key, last_seq, &value));
            writes.push((tree_key, framed));
        }
        self.meta.last_seq = last_seq;
        if writes.is_empty() {
            return Ok(0);
        }
        self.meta.tallies = tallies;
        let rows = writes.len();
        let meta = frame::seal(&META_KEY, last_seq, &self.meta.encode());
        writes.push((META_KEY.to_vec(), Some(meta)));
        self.tree.apply(writes)?;
        self.unsynced = true;
        Ok(rows)
    }

    /// The value of one row.
    pub fn get(&self, prefix: Prefix, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        self.value(&prefix.tree_key(key))
    }

    /// Up to `limit` rows of a prefix from `from` on, in the order of their keys.
    pub fn scan(&self, prefix: Prefix, from: &[u8], limit: usize) -> Result<Vec<Row>, Fault> {
        let start = prefix.tree_key(from);
        let page = self.tree.page(Bound::Included(&start), limit)?;
        page.into_iter()
            .take_while(|(tree_key, _)| tree_key.first() == Some(&prefix.byte()))
            .map(|(tree_key, framed)| {
                let (_, value) = frame::open(&tree_key, &framed).map_err(Wrong::Frame)?;
                Ok(Row {
                    prefix,
                    key: tree_key[1..].to_vec(),
                    value: value.to_vec(),
                })
            })
            .collect()
    }

    /// Puts on disk what was written, if anything was; tells whether.
    pub fn sync(&mut self) -> Result<bool, Fault> {
        if !self.unsynced {
            return Ok(false);
        }
        self.tree.sync()?;
        self.unsynced = false;
        Ok(true)
    }

    /// The tree alone, as for a new comparison.
    pub fn into_tree(self) -> Tree {
        self.tree
    }

    fn value(&self, tree_key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let Some(framed) = self.tree.get(tree_key)? else {
            return Ok(None);
        };
        let (_, value) = frame::open(tree_key, &framed).map_err(Wrong::Frame)?;
        Ok(Some(value.to_vec()))
    }
}

/// The last word on each row.
fn by_row(
    changes: impl IntoIterator<Item = Change>,
) -> BTreeMap<(Prefix, Vec<u8>), Option<Vec<u8>>> {
    changes
        .into_iter()
        .map(|change| match change {
            Change::Put(Row { prefix, key, value }) => ((prefix, key), Some(value)),
            Change::Delete { prefix, key } => ((prefix, key), None),
        })
        .collect()
}

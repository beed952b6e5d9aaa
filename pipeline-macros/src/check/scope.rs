//! What the item is at one place: a plain value, or a record with these keys.

use proc_macro2::Ident;

/// The item at one place of the pipeline.
#[derive(Clone)]
pub(crate) struct Scope {
    /// One layer for each `push_task` that is open; its first key is the pushed one. None: a plain item.
    layers: Vec<Vec<Ident>>,
    had_task: bool,
    vague: bool,
}

impl Scope {
    pub(crate) fn new(vague: bool) -> Self {
        Self {
            layers: Vec::new(),
            had_task: false,
            vague,
        }
    }

    pub(crate) fn is_record(&self) -> bool {
        !self.layers.is_empty()
    }

    /// Whether a task was opened here or above.
    pub(crate) fn had_task(&self) -> bool {
        self.had_task
    }

    /// Whether stages are missing, so that a key that is not there may be nobody's fault.
    pub(crate) fn is_vague(&self) -> bool {
        self.vague
    }

    /// The keys that a stage can read.
    pub(crate) fn keys(&self) -> &[Ident] {
        self.layers.last().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.keys().iter().map(ToString::to_string).collect()
    }

    pub(crate) fn has(&self, key: &Ident) -> bool {
        self.keys().contains(key)
    }

    /// The key that `push_task` wrote.
    pub(crate) fn bottom(&self) -> Option<&Ident> {
        self.keys().first()
    }

    /// The keys of the record around this one.
    pub(crate) fn outer(&self) -> Option<&[Ident]> {
        let outer = self.layers.len().checked_sub(2)?;
        Some(&self.layers[outer])
    }

    /// The fields that lead from the record to the task.
    pub(crate) fn task(&self) -> Option<Vec<&Ident>> {
        let path: Vec<_> = self.layers.iter().rev().map(|layer| &layer[0]).collect();
        (!path.is_empty()).then_some(path)
    }

    /// All keys from the task on, in order of writing.
    pub(crate) fn frames(&self) -> Vec<String> {
        let keys = self.layers.iter().flatten();
        keys.map(plain).collect()
    }

    pub(crate) fn push(&mut self, key: &Ident) {
        self.layers.push(vec![key.clone()]);
        self.had_task = true;
    }

    pub(crate) fn pop(&mut self, carried: &[Ident]) {
        self.layers.pop();
        if let Some(outer) = self.layers.last_mut() {
            outer.extend_from_slice(carried);
        }
    }

    pub(crate) fn write(&mut self, key: &Ident) {
        if let Some(layer) = self.layers.last_mut()
            && !layer.contains(key)
        {
            layer.push(key.clone());
        }
    }

    pub(crate) fn forget(&mut self, key: &Ident) {
        if let Some(layer) = self.layers.last_mut() {
            layer.retain(|other| other != key);
        }
    }

    /// The item is handed over as a whole: no record any more.
    pub(crate) fn leave(&mut self) {
        self.layers.clear();
    }
}

/// A key without `r#`.
fn plain(key: &Ident) -> String {
    let key = key.to_string();
    key.trim_start_matches("r#").to_owned()
}

/// Keys, for a message.
pub(crate) fn list<'a>(keys: impl IntoIterator<Item = &'a Ident>) -> String {
    let keys: Vec<_> = keys.into_iter().map(|key| format!("`{key}`")).collect();
    match keys.as_slice() {
        [] => "no keys".to_owned(),
        keys => keys.join(", "),
    }
}

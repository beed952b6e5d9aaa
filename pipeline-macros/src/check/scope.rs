//! What the item is at one place: a plain value, or a record with these keys.

use proc_macro2::Ident;

/// The item at one place of the pipeline.
#[derive(Clone)]
pub(crate) struct Scope {
    /// One layer for each `push_task` that is open; its first key is the pushed one. None: a plain item.
    layers: Vec<Vec<Ident>>,
    had_task: bool,
    vague: bool,
    /// What the task had passed, in a side line.
    passed: Option<Vec<String>>,
    /// What was done to keys of the innermost layer, in order.
    deeds: Vec<(Ident, Deed)>,
    /// Keys that went in the arms of a `match`, and why.
    lost: Vec<(Ident, String)>,
}

/// What was done to a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Written,
    /// It stands in the pattern of an arm.
    Bound,
    /// A pattern takes it apart.
    Taken,
    Forgotten,
}

/// The end of an arm that comes back.
pub(crate) struct Back<'a> {
    /// The source text of its pattern.
    pub arm: &'a str,
    pub scope: &'a Scope,
}

impl Scope {
    pub(crate) fn new(vague: bool) -> Self {
        Self {
            layers: Vec::new(),
            had_task: false,
            vague,
            passed: None,
            deeds: Vec::new(),
            lost: Vec::new(),
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
        let keys = self.layers.iter().flatten().map(plain);
        self.passed.iter().flatten().cloned().chain(keys).collect()
    }

    /// Where a side line begins, whose item is no record.
    pub(crate) fn beside(&self) -> Self {
        Self {
            had_task: self.had_task,
            passed: Some(self.frames()),
            ..Self::new(self.vague)
        }
    }

    /// Whether it is in a side line.
    pub(crate) fn is_beside(&self) -> bool {
        self.passed.is_some()
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
        self.deeds.push((key.clone(), Deed::Written));
        self.add(key);
    }

    /// A pattern binds the name.
    pub(crate) fn bind(&mut self, key: &Ident) {
        self.deeds.push((key.clone(), Deed::Bound));
        self.add(key);
    }

    fn add(&mut self, key: &Ident) {
        if let Some(layer) = self.layers.last_mut()
            && !layer.contains(key)
        {
            layer.push(key.clone());
        }
    }

    pub(crate) fn forget(&mut self, key: &Ident) {
        self.deeds.push((key.clone(), Deed::Forgotten));
        self.remove(key);
    }

    /// A pattern takes its value apart.
    pub(crate) fn take(&mut self, key: &Ident) {
        self.deeds.push((key.clone(), Deed::Taken));
        self.remove(key);
    }

    fn remove(&mut self, key: &Ident) {
        if let Some(layer) = self.layers.last_mut() {
            layer.retain(|other| other != key);
        }
    }

    /// How many records there are, each inside the next.
    pub(crate) fn depth(&self) -> usize {
        self.layers.len()
    }

    /// Why the key is not here, if it went in the arms of a `match`.
    pub(crate) fn why_lost(&self, key: &Ident) -> Option<&str> {
        let lost = self.lost.iter().rev().find(|(lost, _)| lost == key);
        lost.map(|(_, why)| why.as_str())
    }

    /// What the item is where these arms come back together: of the keys that were there those that no arm has touched,
    /// and those that all have written. The pushed key stays in any case.
    pub(crate) fn joined(&self, arms: &[Back<'_>]) -> Self {
        let Some(first) = arms.first() else {
            return self.clone();
        };
        if first.scope.depth() != self.depth() {
            return first.scope.clone();
        }
        let mut joined = self.clone();
        let mut keys: Vec<&Ident> = self.keys().iter().collect();
        let made = arms.iter().flat_map(|arm| arm.scope.keys());
        keys.extend(made.filter(|key| !self.has(key)));
        let mut seen: Vec<&Ident> = Vec::new();
        for key in keys {
            if seen.contains(&key) || Some(key) == self.bottom() {
                continue;
            }
            seen.push(key);
            match self.why_not(key, arms) {
                Err(why) => {
                    joined.remove(key);
                    joined.lost.push((key.clone(), why));
                }
                Ok(true) => joined.write(key),
                Ok(false) => {}
            }
        }
        joined
    }

    /// Whether all arms write the key, where they come back with it; or why they do not.
    fn why_not(&self, key: &Ident, arms: &[Back<'_>]) -> Result<bool, String> {
        let deed = |arm: &&Back<'_>| {
            let since = &arm.scope.deeds[self.deeds.len().min(arm.scope.deeds.len())..];
            let last = since.iter().rev().find(|(other, _)| other == key);
            last.map(|(_, deed)| *deed)
        };
        let writes = |arm: &&Back<'_>| deed(arm) == Some(Deed::Written);
        if arms.iter().all(|arm| writes(&arm)) {
            return Ok(true);
        }
        let touched = arms.iter().find_map(|arm| Some((arm, deed(&arm)?)));
        let Some((arm, deed)) = touched else {
            return Ok(false);
        };
        let name = arm.arm;
        Err(match deed {
            Deed::Taken => format!("the arm `{name}` takes it apart"),
            Deed::Forgotten => format!("the arm `{name}` forgets it"),
            Deed::Bound => format!(
                "the name in the pattern of the arm `{name}` ends there; to keep it, write it: `mapduce({key} => other, f)`"
            ),
            Deed::Written => {
                let other = arms.iter().find(|arm| !writes(arm)).unwrap_or(arm);
                let anew = if self.has(key) {
                    format!("the arm `{name}` writes it anew, and ")
                } else {
                    String::new()
                };
                format!("{anew}the arm `{}` does not write it", other.arm)
            }
        })
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

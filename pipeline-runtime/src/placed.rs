//! Stages as the outermost pipeline knows them, which they cannot know while they are wired.

use std::sync::{Arc, OnceLock};

use crate::site::{StageInfo, Within};

/// Where a pipeline is, if it is the input of another.
#[derive(Debug, Default)]
pub(crate) struct Place(OnceLock<(Within, Arc<Place>)>);

impl Place {
    /// It is an input of a pipeline whose own place is `outer`.
    pub(crate) fn inside(&self, within: Within, outer: Arc<Self>) {
        let _ = self.0.set((within, outer));
    }
}

/// Stages of a pipeline, with their paths and ids in the outermost one. They are to be asked for once that has started,
/// and no sooner.
#[derive(Debug)]
pub(crate) struct Placed {
    wired: Vec<StageInfo>,
    place: Arc<Place>,
    placed: OnceLock<Vec<StageInfo>>,
}

impl Placed {
    pub(crate) fn new(wired: Vec<StageInfo>, place: Arc<Place>) -> Arc<Self> {
        Arc::new(Self {
            wired,
            place,
            placed: OnceLock::new(),
        })
    }

    #[cold]
    pub(crate) fn get(&self, row: usize) -> &StageInfo {
        let place = || {
            let (mut stages, mut place) = (self.wired.clone(), &self.place);
            while let Some((within, outer)) = place.0.get() {
                for stage in &mut stages {
                    within.place(stage);
                }
                place = outer;
            }
            stages
        };
        &self.placed.get_or_init(place)[row]
    }
}

//! What each package must keep to, and what it may do all the same.

/// A package, and its rules.
pub(crate) struct Package {
    /// From the root of the repository.
    pub(crate) folder: &'static str,
    pub(crate) allowed: &'static [Allowed],
    pub(crate) never: &'static [Never],
    /// Where this is not empty, the modules at the root import each other not at all, but for these.
    pub(crate) shared: &'static [&'static str],
    /// Modules at the root that only pass on what others have.
    pub(crate) doors: &'static [&'static str],
    /// Packages that it must not know.
    pub(crate) unknown: &'static [&'static str],
}

/// A ring that may be there.
pub(crate) struct Allowed {
    /// From `src`, with `/`; empty for `src` itself.
    pub(crate) folder: &'static str,
    pub(crate) ring: &'static [&'static str],
    #[expect(dead_code, reason = "for whoever reads the rule")]
    pub(crate) why: &'static str,
}

/// Modules at the root that must not import each other, rings or not.
pub(crate) struct Never {
    /// Empty for all.
    pub(crate) from: &'static [&'static str],
    pub(crate) to: &'static str,
    pub(crate) why: &'static str,
}

pub(crate) const PACKAGES: &[Package] = &[
    Package {
        folder: "pipeline-macros",
        allowed: &[Allowed {
            folder: "",
            ring: &["ast", "check", "expand", "forms"],
            why: "the price of one file for each form, which holds its grammar, its check and its expansion",
        }],
        never: &[],
        shared: &[],
        doors: &[],
        unknown: &["brigade", "pipeline_connectors", "pipeline_runtime"],
    },
    Package {
        folder: "pipeline-runtime",
        allowed: &[],
        never: &[
            Never {
                from: &[],
                to: "private",
                why: "it is the facade that expansions of the macro see, above all others",
            },
            Never {
                from: &["ticket"],
                to: "queue",
                why: "a ticket is settled through a trait of its own, whoever handed it down",
            },
            Never {
                from: &["flow", "graph", "measure", "plan", "run"],
                to: "stage",
                why: "what items flow through, what is wired, counted and stopped knows no worker",
            },
            Never {
                from: &["measure"],
                to: "flow",
                why: "a failure carries the report, and what flows may fail",
            },
        ],
        shared: &[],
        doors: &[],
        unknown: &["brigade", "pipeline_connectors", "pipeline_macros"],
    },
    Package {
        folder: "pipeline-connectors",
        allowed: &[],
        never: &[],
        shared: &[
            "attributes",
            "body",
            "contents",
            "descriptors",
            "lines",
            "reader",
            "replay",
            "table",
        ],
        doors: &["database", "journal", "queue", "sink", "source"],
        unknown: &["brigade", "pipeline_macros"],
    },
    Package {
        folder: "pipeline-service",
        allowed: &[],
        never: &[Never {
            from: &[
                "context", "control", "core", "noting", "process", "status", "work",
            ],
            to: "supervisor",
            why: "a supervisor is above all but the service that starts it",
        }],
        shared: &[],
        doors: &[],
        unknown: &["brigade", "pipeline_connectors", "pipeline_macros"],
    },
    Package {
        folder: "pipeline-watch",
        allowed: &[],
        never: &[],
        shared: &[],
        doors: &[],
        unknown: &["brigade", "pipeline_connectors", "pipeline_macros"],
    },
    Package {
        folder: "brigade-command",
        allowed: &[],
        never: &[],
        shared: &[],
        doors: &[],
        unknown: &["pipeline_connectors", "pipeline_macros", "pipeline_runtime"],
    },
    Package {
        folder: "benches",
        allowed: &[],
        never: &[],
        shared: &[],
        doors: &[],
        unknown: &[],
    },
];

//! Stages: for everything, for tools, for one route, and for a time.
//!
//! Wherever a stage stands, a share can stand: `{ from: observe, to: dry_run, percent: 25 }`. The
//! most specific say is the usual one; what `stage_overrides` say is over it until they end, again
//! the most specific first. An
//! override that nothing fits is refused: whoever writes one in a hurry must not believe in a word
//! that is mistyped.

use super::{DOCUMENT, required_text};
use crate::intent::time;
use crate::snapshot::PlannedRoute;
use crate::stage::{Course, Override, Percent, Stage, Standing};
use crate::yaml::{Entry, Fault, Fields, Keys, Node, Place, Scalar};
use jiff::Timestamp;
use jiff::tz::TimeZone;

const SHARE: Keys = Keys { document: DOCUMENT, read: &["from", "to", "percent"], legacy: &[] };
const OVERRIDE: Keys =
    Keys { document: DOCUMENT, read: &["route", "tool", "stage", "until", "reason"], legacy: &[] };

/// Each route keeps those that fit it, and is asked for them on each call.
const OVERRIDES_MAX: usize = 1_000;

/// As many characters of a reason are kept.
const REASON_CHARS_MAX: usize = 1_000;

/// The stages that a config sets, by what they are set for.
pub(super) struct Stages {
    /// For everything else.
    pub(super) global: Standing,
    /// For tool names: a name, or a prefix with `*`.
    tools: Vec<(String, Standing)>,
    overrides: Vec<Planned>,
}

/// An override, and what it is for.
struct Planned {
    place: Place,
    field: String,
    of: Of,
    what: Override,
}

/// What an override is for.
enum Of {
    Route(String),
    /// A tool name, or a prefix with `*`.
    Tool(String),
}

// === impl Stages ===

impl Stages {
    /// Reads `stage`, `tool_stages` and `stage_overrides`.
    pub(super) fn read(top: &mut Fields) -> Result<Stages, Fault> {
        top.refuse_empty(&["stage", "tool_stages"])?;
        let global = own(top)?.unwrap_or(Standing::Whole(Stage::Observe));
        let node = top.take("tool_stages");
        let entries = match node.value {
            Scalar::Null => Vec::new(),
            Scalar::Map(entries) => entries,
            _ => {
                let what = "`tool_stages` must map tool names to stages, as in `tool.*: enforce`";
                return Err(Fault::validate(node.place, what.to_owned()));
            }
        };
        let tools = entries.into_iter().map(tool).collect::<Result<_, _>>()?;
        let items = top.list("stage_overrides")?;
        if items.len() > OVERRIDES_MAX {
            let what =
                format!("`stage_overrides`: more than {OVERRIDES_MAX}; remove those that are over");
            return Err(Fault::validate(top.place(), what));
        }
        let overrides =
            items.into_iter().enumerate().map(|(index, node)| Planned::read(index, node));
        Ok(Stages { global, tools, overrides: overrides.collect::<Result<_, _>>()? })
    }

    /// What is said of a route: the overrides that fit it, over the most specific stage: the route's
    /// own, then the tool's name, then the longest prefix of it, then the global.
    pub(super) fn course(&self, own: Option<Standing>, route: &str, tool: &str) -> Course {
        let by_tool = self.tools.iter().filter(|(pattern, _)| fits(pattern, tool));
        // A whole name beats every prefix; of two spellings of one pattern the stricter stage wins.
        let best = by_tool.max_by_key(|(pattern, standing)| {
            let strictness = (standing.strictest(), standing.laxest());
            (!pattern.ends_with('*'), pattern.len(), strictness)
        });
        let standing = own.or(best.map(|(_, standing)| *standing)).unwrap_or(self.global);
        let overrides = self.fitting(route, tool).into_iter();
        Course { standing, overrides: overrides.map(|(_, one)| one.what.clone()).collect() }
    }

    /// The overrides that fit a route, each with its index, the first to hold first: those of the
    /// route, then those of its tool's name, then of longer prefixes before shorter ones; of equals
    /// the stricter. Whoever adds one in a hurry need not mind where it stands.
    fn fitting(&self, route: &str, tool: &str) -> Vec<(usize, &Planned)> {
        let fits = |(_, one): &(usize, &Planned)| one.of.fits(route, tool);
        let mut fitting: Vec<_> = self.overrides.iter().enumerate().filter(fits).collect();
        fitting.sort_by_key(|(_, one)| std::cmp::Reverse(one.rank()));
        fitting
    }

    /// What to say of overrides that have not ended and never act, whatever route they fit: others
    /// go before them until they end.
    pub(super) fn idle(&self, routes: &[PlannedRoute], now: Timestamp) -> Vec<String> {
        let mut acts = vec![false; self.overrides.len()];
        for route in routes {
            let mut held = now;
            for (index, one) in self.fitting(&route.name, &route.tool_text()) {
                if held < one.what.until {
                    held = one.what.until;
                    acts.get_mut(index).into_iter().for_each(|acts| *acts = true);
                }
            }
        }
        let idle =
            self.overrides.iter().zip(acts).filter(|(one, acts)| !acts && now < one.what.until);
        let say = |(one, _): (&Planned, bool)| {
            format!(
                "`{}` never acts: others that go before it hold until it ends; what is for a \
                 `route` goes before what is for a `tool`, a name before a prefix, and of equals \
                 the stricter",
                one.field
            )
        };
        idle.map(say).collect()
    }

    /// Refuses an override that fits no route.
    pub(super) fn check(&self, routes: &[PlannedRoute]) -> Result<(), Fault> {
        let idle = |one: &&Planned| {
            !routes.iter().any(|route| one.of.fits(&route.name, &route.tool_text()))
        };
        match self.overrides.iter().find(idle) {
            Some(Planned { place, field, of: Of::Route(route), .. }) => Err(Fault::validate(
                *place,
                format!("`{field}.route`: there is no route `{route}`; name one of `routes`"),
            )),
            Some(Planned { place, field, of: Of::Tool(tool), .. }) => Err(Fault::validate(
                *place,
                format!(
                    "`{field}.tool`: no route has a tool `{tool}`; name the `tool_name` of one"
                ),
            )),
            None => Ok(()),
        }
    }
}

/// The `stage` of a mapping, where it is given.
pub(super) fn own(fields: &mut Fields) -> Result<Option<Standing>, Fault> {
    let (node, field) = (fields.take("stage"), fields.at("stage"));
    if node.is_null() { Ok(None) } else { standing(node, &field).map(Some) }
}

fn standing(node: Node, field: &str) -> Result<Standing, Fault> {
    let place = node.place;
    match node.value {
        Scalar::Text(said) => Ok(Standing::Whole(word(&said, place, field)?)),
        Scalar::Map(_) => share(Fields::open(node, field.to_owned(), &SHARE)?),
        _ => {
            let what = format!(
                "`{field}` must be a stage, as in `dry_run`, or a share of the callers, as in \
                 `{{ from: observe, to: dry_run, percent: 25 }}`"
            );
            Err(Fault::validate(place, what))
        }
    }
}

fn share(mut fields: Fields) -> Result<Standing, Fault> {
    let stage = |fields: &mut Fields, key: &str| {
        let (said, place) = fields.text(key)?;
        word(&said, place, &fields.at(key))
    };
    let (from, to) = (stage(&mut fields, "from")?, stage(&mut fields, "to")?);
    let (number, place) = fields.optional_integer("percent")?;
    let percent = number.and_then(|number| Percent::new(u64::try_from(number).ok()?));
    let fault = |key: &str, place, what: &str| {
        Err(Fault::validate(place, format!("`{}` {what}", fields.at(key))))
    };
    match percent {
        None => fault("percent", place, "must be a whole number from 0 to 100"),
        Some(_) if from == to => {
            fault("to", fields.place(), "is the stage that `from` is; write the stage alone")
        }
        Some(percent) => Ok(Standing::Shared { from, to, percent }),
    }
}

fn tool(entry: Entry) -> Result<(String, Standing), Fault> {
    let field = format!("tool_stages.{}", entry.key);
    let pattern = pattern(&entry.key, entry.place, &field)?;
    Ok((pattern, standing(entry.node, &field)?))
}

/// A tool name, or a prefix with `*`, as tools are compared.
fn pattern(said: &str, place: Place, field: &str) -> Result<String, Fault> {
    let prefix = said.strip_suffix('*').unwrap_or(said);
    if prefix.contains('*') {
        let what = format!("`{field}`: one `*`, at the end, stands for the rest of a name");
        return Err(Fault::validate(place, what));
    }
    Ok(said.to_lowercase())
}

fn fits(pattern: &str, tool: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => tool.starts_with(prefix),
        None => tool == pattern,
    }
}

fn word(said: &str, place: Place, field: &str) -> Result<Stage, Fault> {
    Stage::parse(said).ok_or_else(|| {
        let known = Stage::ALL.map(Stage::as_str).join(", ");
        Fault::validate(place, format!("`{field}`: unknown stage `{said}`; write one of {known}"))
    })
}

// === impl Planned ===

impl Planned {
    /// Of two that fit one route, the greater goes first.
    fn rank(&self) -> (bool, bool, usize, Stage, Stage, Timestamp) {
        let (of_route, is_name, length) = match &self.of {
            Of::Route(_) => (true, true, 0),
            Of::Tool(pattern) => (false, !pattern.ends_with('*'), pattern.len()),
        };
        let Override { standing, until, .. } = self.what;
        (of_route, is_name, length, standing.strictest(), standing.laxest(), until)
    }

    fn read(index: usize, node: Node) -> Result<Planned, Fault> {
        let (place, field) = (node.place, format!("stage_overrides[{index}]"));
        let mut fields = Fields::open(node, field.clone(), &OVERRIDE)?;
        let of = Of::read(&mut fields)?;
        let Some(standing) = own(&mut fields)? else {
            let what =
                format!("`{field}.stage` is missing; write the stage that holds for the time");
            return Err(Fault::validate(place, what));
        };
        let until = until(&mut fields)?;
        let reason = required_text(&mut fields, "reason", "say why, in words")?;
        if reason.chars().count() > REASON_CHARS_MAX {
            let what =
                format!("`{field}.reason` is longer than {REASON_CHARS_MAX} characters; cut it");
            return Err(Fault::validate(place, what));
        }
        let what = Override { standing, until, reason: reason.trim().into() };
        Ok(Planned { place, field, of, what })
    }
}

fn until(fields: &mut Fields) -> Result<Timestamp, Fault> {
    let (said, place) = fields.text("until")?;
    let time = time::parse(said.trim());
    let moment = time.and_then(|time| TimeZone::UTC.to_timestamp(time.civil()).ok());
    moment.ok_or_else(|| {
        let field = fields.at("until");
        let what = match said.is_empty() {
            true => format!("`{field}` is missing; an override ends, as in `2026-12-01T00:00:00Z`"),
            false => {
                format!("`{field}`: `{said}` is no time; write it like `2026-12-01T00:00:00Z`")
            }
        };
        Fault::validate(place, what)
    })
}

// === impl Of ===

impl Of {
    fn read(fields: &mut Fields) -> Result<Of, Fault> {
        let (route, _) = fields.text("route")?;
        let (tool, place) = fields.text("tool")?;
        match (route.is_empty(), tool.is_empty()) {
            (false, true) => Ok(Of::Route(route)),
            (true, false) => Ok(Of::Tool(pattern(tool.trim(), place, &fields.at("tool"))?)),
            _ => {
                let field = fields.at("").trim_end_matches('.').to_owned();
                let what = format!("`{field}` is for a `route` or for a `tool`; write one of both");
                Err(Fault::validate(fields.place(), what))
            }
        }
    }

    fn fits(&self, route: &str, tool: &str) -> bool {
        match self {
            Of::Route(name) => name == route,
            Of::Tool(pattern) => fits(pattern, tool),
        }
    }
}

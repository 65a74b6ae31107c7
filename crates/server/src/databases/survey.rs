//! What a deploy would do to a database: the folder is read, the journal asked. Changes neither.

use bascule_engine::ports::{Fills, Surveyed, Surveying};
use bascule_migrate::{Contract, Journal, Leads, Migrator, Origin, PlannedStatement, Settings};
use bascule_migrations::{Format, Gate, Migration, MigrationSet, Part, Phase, Version};
use bascule_model::ids::EnvironmentKey;
use bascule_model::problem::{Code, Problem};
use bascule_model::schema::{self, DatabaseAccess, PlannedMigration, Schema, SchemaOrder, SchemaPlan};
use bascule_sql::{Blocks, Reversible};

use super::store::SetStore;
use super::ways::Ways;
use super::{address, expand, lint, phased, problem, read_folder};

pub(super) async fn survey(
    surveying: &Surveying<'_>,
    store: &SetStore,
    owner: &str,
    ways: &Ways,
    today: jiff::civil::Date,
) -> Result<Surveyed, Problem> {
    let access = surveying.values.database.as_ref().ok_or_else(|| {
        Problem::new(Code::Internal, "the database has no address", "report this: it is a defect of Bascule")
    })?;
    let address = address(&access.url, Some(surveying.project))?;
    let address = ways.reached(address, surveying.cluster).await?;
    let dialect = address.dialect();
    let read = read_folder(surveying.project, &surveying.source.folder, surveying.source.format, dialect)?;
    let mut settings = Settings::new(address, owner);
    settings.lock_timeout = surveying.source.policy.lock_timeout;
    let mut migrator = Migrator::open(settings).await.map_err(|error| problem::migrate(&error))?;
    let journal = migrator.journal().await.map_err(|error| problem::migrate(&error))?;
    refuse_foreign(&mut migrator, &read, surveying.key).await?;
    let order = order(surveying, &journal);
    let mut notes: Vec<String> = read.notes.iter().map(ToString::to_string).collect();
    notes.extend(pooled(&mut migrator, access, surveying, ways).await?);
    let set = match order {
        SchemaOrder::Files => read.migrations,
        SchemaOrder::Phases => phased(&read.migrations, &journal, dialect)?,
    };
    notes.extend(lint::refuse(&mut migrator, &set, &journal, order, today).await?);
    let planned =
        migrator.plan(&set, &expand::wish(order)).await.map_err(|error| problem::migrate(&error))?;
    if !planned.differences.is_empty() {
        let said: Vec<String> =
            planned.differences.iter().map(|one| format!("{}: {}", one.version, one.what)).collect();
        return Err(Problem::new(
            Code::MigrationsDiffer,
            format!("the files and what was applied differ: {}", said.join("; ")),
            "put the files back as they were, or decide on each of them with `bascule migrate repair`",
        ));
    }
    if let Some(problem) = hole(&set, &journal, &planned.versions) {
        return Err(problem);
    }
    let waiting: Vec<Version> = surveying
        .live
        .and_then(|live| live.schema.as_ref())
        .into_iter()
        .flat_map(|schema| surveying.record.waiting(schema))
        .cloned()
        .map(Version)
        .collect();
    let contract = contracts(&mut migrator, &waiting).await?;
    let later = later(&set, &journal, order);
    let guarantees = planned.guarantees.clone();
    let apply = grouped(&set, &planned.versions, &planned.statements);
    let fills = if order == SchemaOrder::Phases && must_fill(&mut migrator, &set, &planned.versions).await? {
        Fills::BeforeSwitch
    } else {
        Fills::Nothing
    };
    migrator.close().await;
    let digest = store.keep(&set)?;
    let point_of_no_return = point(&later, surveying.source.policy.soft_drop_for);
    Ok(Surveyed {
        fills,
        plan: SchemaPlan { guarantees, apply, contract, later, point_of_no_return, undrop: Vec::new() },
        schema: Schema {
            dialect: dialect.to_string(),
            set: digest,
            versions: set.iter().map(|one| one.version.0.clone()).collect(),
            contracts: set
                .iter()
                .filter(|one| one.has(Phase::Contract))
                .map(|one| one.version.0.clone())
                .collect(),
            order,
            policy: surveying.source.policy.clone(),
        },
        notes,
    })
}

/// Refuses a way of the app that leads to another database. One that cannot be asked from here may be there for the app alone.
async fn pooled(
    migrator: &mut Migrator,
    access: &DatabaseAccess,
    surveying: &Surveying<'_>,
    ways: &Ways,
) -> Result<Option<String>, Problem> {
    let Some(pooled) = &access.pooled_url else { return Ok(None) };
    let remedy = "let `pooled_url` name the same database as `url`, through the pooler";
    let unseen =
        |said: String| format!("whether `pooled_url` leads to the same database could not be seen: {said}");
    let other = match ways.reached(address(pooled, Some(surveying.project))?, surveying.cluster).await {
        Ok(other) => other,
        Err(problem) => return Ok(Some(unseen(problem.message))),
    };
    match bascule_migrate::leads(migrator.connection(), &other).await {
        Ok(Leads::ThereToo) => Ok(None),
        Ok(Leads::Elsewhere(what)) => Err(Problem::new(
            Code::DatabaseDiffers,
            format!("`pooled_url` ({}) does not lead to the database of `url`: {what}", other.place()),
            remedy,
        )),
        Err(error) => Ok(Some(unseen(problem::migrate(&error).message))),
    }
}

async fn refuse_foreign(
    migrator: &mut Migrator,
    set: &MigrationSet,
    key: &EnvironmentKey,
) -> Result<(), Problem> {
    let foreign = migrator.foreign(set).await.map_err(|error| problem::migrate(&error))?;
    foreign_problem(foreign, key.environment.as_str())
}

/// Refuses a database that another tool has migrated, as long as that was not taken over.
///
/// # Errors
/// `MIGRATIONS_DIFFER`.
pub fn foreign_problem(foreign: Option<(Format, usize)>, environment: &str) -> Result<(), Problem> {
    let Some((tool, count)) = foreign else { return Ok(()) };
    Err(Problem::new(
        Code::MigrationsDiffer,
        format!("{tool} has migrated this database: {} by its table", super::count(count, "migration")),
        format!("take that over once with `bascule migrate baseline {environment}`"),
    ))
}

/// On a database that is new, files are applied whole, one after the other: nobody needs what they take away. It stays new until users
/// have come to a release, so that a first deploy which failed on the way is begun again in the same order.
fn order(surveying: &Surveying<'_>, journal: &Journal) -> SchemaOrder {
    let taken_over = journal.records.iter().any(|record| record.origin != Origin::Applied);
    let is_new = surveying.live.is_none() && !surveying.is_known && !taken_over;
    if is_new { SchemaOrder::Files } else { SchemaOrder::Phases }
}

async fn contracts(migrator: &mut Migrator, waiting: &[Version]) -> Result<Vec<PlannedMigration>, Problem> {
    let details = migrator.details(waiting).await.map_err(|error| problem::migrate(&error))?;
    Ok(details
        .iter()
        .map(|one| PlannedMigration {
            version: one.version.0.clone(),
            name: String::new(),
            statements: one.parts.iter().flat_map(statements_of_contract).collect(),
        })
        .collect())
}

fn statements_of_contract(part: &Part) -> Vec<schema::PlannedStatement> {
    let Part::Contract { statements } = part else { return Vec::new() };
    statements
        .iter()
        .map(|statement| schema::PlannedStatement {
            sql: statement.text.clone(),
            lock: "for a moment alone".to_owned(),
            reversible: "kept under another name until its time is over, where it holds data".to_owned(),
        })
        .collect()
}

/// What only former releases need, of all that is or will be applied.
fn later(set: &[Migration], journal: &Journal, order: SchemaOrder) -> Vec<PlannedMigration> {
    if order == SchemaOrder::Files {
        return Vec::new();
    }
    let done = |migration: &Migration| {
        journal.find(&migration.version).is_some_and(|record| {
            record.stands() && matches!(record.contract, Contract::Done | Contract::None)
        })
    };
    set.iter()
        .filter(|migration| migration.has(Phase::Contract) && !done(migration))
        .map(|migration| PlannedMigration {
            version: migration.version.0.clone(),
            name: migration.name.clone(),
            statements: migration.parts.iter().flat_map(statements_of_contract).collect(),
        })
        .collect()
}

fn grouped(
    set: &[Migration],
    versions: &[Version],
    statements: &[PlannedStatement],
) -> Vec<PlannedMigration> {
    versions
        .iter()
        .map(|version| PlannedMigration {
            version: version.0.clone(),
            name: set
                .iter()
                .find(|one| one.version == *version)
                .map(|one| one.name.clone())
                .unwrap_or_default(),
            statements: statements
                .iter()
                .filter(|statement| statement.version == *version)
                .map(|statement| schema::PlannedStatement {
                    sql: statement.sql.clone(),
                    lock: lock(statement),
                    reversible: reversible(statement.reversible).to_owned(),
                })
                .collect(),
        })
        .collect()
}

fn lock(statement: &PlannedStatement) -> String {
    let locks: Vec<String> =
        statement.locks.iter().map(|(table, mode)| format!("{mode} on {}", table.written)).collect();
    let blocks = blocks(statement.blocks);
    if locks.is_empty() { blocks.to_owned() } else { format!("{}: {blocks}", locks.join(", ")) }
}

/// Whom a statement stops, in words.
#[must_use]
pub fn blocks(blocks: Blocks) -> &'static str {
    match blocks {
        Blocks::Nothing => "stops nobody",
        Blocks::Writes => "stops writes",
        Blocks::ReadsAndWrites => "stops reads and writes",
    }
}

/// Whether a statement can be taken back, in words.
#[must_use]
pub fn reversible(reversible: Reversible) -> &'static str {
    match reversible {
        Reversible::Yes => "can be taken back",
        Reversible::No => "cannot be taken back",
        Reversible::Unknown => "nobody knows whether it can be taken back",
    }
}

/// What is applied and has no file is a later release's, as long as all of it comes after what the folder has, and nothing new is to
/// be put beside it. Otherwise a file is gone.
fn hole(set: &[Migration], journal: &Journal, pending: &[Version]) -> Option<Problem> {
    let carried = |version: &Version| set.iter().any(|migration| migration.version == *version);
    let standing = || journal.records.iter().filter(|record| record.stands());
    let last = standing().filter(|record| carried(&record.version)).map(|record| record.position).max();
    let gone = standing()
        .filter(|record| !record.removed && !carried(&record.version))
        .find(|record| !pending.is_empty() || last.is_some_and(|last| record.position < last))?;
    Some(Problem::new(
        Code::MigrationsDiffer,
        format!(
            "the files and what was applied differ: {}: it is applied, and there is no such file",
            gone.version
        ),
        "put the file back, take the migration back (`bascule migrate down`), or decide with `bascule migrate repair`",
    ))
}

/// Whether rows have to be filled in before the switch: of what is pending, and of what an earlier deploy applied and left.
async fn must_fill(migrator: &mut Migrator, set: &[Migration], pending: &[Version]) -> Result<bool, Problem> {
    let waits = |part: &Part| matches!(part, Part::Backfill(backfill) if backfill.gate == Gate::Switch);
    let of_pending = set
        .iter()
        .filter(|migration| pending.contains(&migration.version))
        .any(|migration| migration.parts.iter().any(waits));
    let open = migrator.open_backfills(set, Gate::Switch).await.map_err(|error| problem::migrate(&error))?;
    Ok(of_pending || !open.is_empty())
}

fn point(later: &[PlannedMigration], kept: std::time::Duration) -> Option<String> {
    if later.is_empty() {
        return None;
    }
    let days = kept.as_secs().div_ceil(86_400);
    let versions: Vec<&str> = later.iter().map(|one| one.version.as_str()).collect();
    Some(format!(
        "what {} take away is kept under another name for {days} days after the contract; then it is dropped for good, and only with a \
         verified backup that is younger",
        versions.join(", ")
    ))
}

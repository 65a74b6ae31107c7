//! The database that a scenario is about: one of each kind, asked by its own client, and what its catalog says of the app's part.

use std::path::{Path, PathBuf};

use bascule_database_servers::{MariaDb, Postgres};
use bascule_migrate::{Address, Connection};

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    MariaDb,
    /// A file of SQLite.
    Sqlite,
}

/// A database, with a server of its own where it needs one.
pub enum Server {
    /// Of that name.
    Postgres(Postgres, String),
    /// Of that name.
    MariaDb(MariaDb, String),
    /// At that place; it goes with its folder.
    Sqlite(PathBuf, tempfile::TempDir),
}

impl Server {
    /// Starts one; none, and says so, where it is not installed.
    pub fn start(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Postgres => {
                let server = Postgres::start(&[])?;
                let database = server.database();
                Self::Postgres(server, database)
            }
            Kind::MariaDb => {
                let server = MariaDb::start(&[])?;
                let database = server.database();
                Self::MariaDb(server, database)
            }
            Kind::Sqlite => {
                let folder = tempfile::Builder::new().prefix("bascule-sqlite-").tempdir().unwrap();
                Self::Sqlite(folder.path().join("register.db"), folder)
            }
        })
    }

    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Postgres(..) => Kind::Postgres,
            Self::MariaDb(..) => Kind::MariaDb,
            Self::Sqlite(..) => Kind::Sqlite,
        }
    }

    /// Its address.
    pub fn address(&self) -> String {
        match self {
            Self::Postgres(server, database) => server.address(database),
            Self::MariaDb(server, database) => server.address(database),
            Self::Sqlite(file, _) => format!("sqlite:{}", file.display()),
        }
    }

    /// The folder that whoever speaks to it has to see.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Postgres(server, _) => server.folder(),
            Self::MariaDb(server, _) => server.folder(),
            Self::Sqlite(_, folder) => folder.path(),
        }
    }

    /// What its client prints, a row a line.
    #[track_caller]
    pub fn ask(&self, sql: &str) -> String {
        match self {
            Self::Postgres(server, database) => server.ask(database, sql),
            Self::MariaDb(server, database) => server.ask(database, sql),
            Self::Sqlite(..) => self.ask_the_file(sql),
        }
    }

    #[track_caller]
    fn ask_the_file(&self, sql: &str) -> String {
        let address = Address::parse(&self.address()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let rows = runtime.block_on(async {
            let mut connection = Connection::open(&address, "acceptance").await.unwrap();
            let rows = connection.rows(sql).await;
            connection.close().await;
            rows
        });
        let rows = rows.unwrap_or_else(|error| panic!("{error}: {sql}"));
        let line = |row: Vec<Option<String>>| {
            row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join("\t")
        };
        rows.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// One of our own tables.
    pub fn own(&self, table: &str) -> String {
        match self {
            Self::Postgres(..) => format!("bascule.{table}"),
            Self::MariaDb(..) | Self::Sqlite(..) => format!("bascule_{table}"),
        }
    }

    /// Whether that table is there.
    pub fn has(&self, table: &str) -> bool {
        let sql = match self {
            Self::Postgres(..) => format!("SELECT count(to_regclass('{table}'))"),
            Self::MariaDb(..) => format!(
                "SELECT count(*) FROM information_schema.tables WHERE table_schema = database() AND table_name = '{table}'"
            ),
            Self::Sqlite(..) => format!("SELECT count(*) FROM sqlite_master WHERE name = '{table}'"),
        };
        self.ask(&sql) == "1"
    }

    /// The columns of `person`, in order.
    #[track_caller]
    pub fn columns(&self) -> Vec<String> {
        let sql = match self {
            Self::Postgres(..) => {
                "SELECT attname FROM pg_attribute WHERE attrelid = 'person'::regclass AND attnum > 0 AND NOT attisdropped \
                 ORDER BY attnum"
            }
            Self::MariaDb(..) => {
                "SELECT column_name FROM information_schema.columns WHERE table_schema = database() AND table_name = 'person' \
                 ORDER BY ordinal_position"
            }
            Self::Sqlite(..) => "SELECT name FROM pragma_table_info('person') ORDER BY cid",
        };
        self.ask(sql).lines().map(ToOwned::to_owned).collect()
    }

    /// All that the app's schema holds, as text: two equal ones are equal databases, but for the rows.
    #[track_caller]
    pub fn schema(&self) -> String {
        self.ask(match self {
            Self::Postgres(..) => {
                "SELECT c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull \
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid \
                 WHERE n.nspname = 'public' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 3; \
                 SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public' \
                 ORDER BY 1; \
                 SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1; \
                 SELECT conname, contype, convalidated FROM pg_constraint WHERE connamespace = 'public'::regnamespace \
                 ORDER BY 1"
            }
            Self::MariaDb(..) => {
                "SELECT table_name, column_name, column_type, is_nullable FROM information_schema.columns \
                 WHERE table_schema = database() AND table_name NOT LIKE 'bascule\\_%' ORDER BY 1, 2; \
                 SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = database() ORDER BY 1; \
                 SELECT table_name, index_name, column_name FROM information_schema.statistics \
                 WHERE table_schema = database() AND table_name NOT LIKE 'bascule\\_%' ORDER BY 1, 2, 3"
            }
            Self::Sqlite(..) => {
                "SELECT m.name, c.name, c.type, c.\"notnull\" FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                 WHERE m.type = 'table' AND m.name NOT LIKE 'bascule\\_%' ESCAPE '\\' \
                 UNION ALL SELECT name, type, '', '' FROM sqlite_master \
                 WHERE type <> 'table' AND tbl_name NOT LIKE 'bascule\\_%' ESCAPE '\\' ORDER BY 1, 2"
            }
        })
    }
}

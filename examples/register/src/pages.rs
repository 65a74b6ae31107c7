//! The paths, and the layer that every answer goes through: faults first, then the headers that name who answered.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use crate::people::{People, Person};
use crate::{Faults, Identity, Options};

struct Register {
    people: People,
    column: String,
    faults: Faults,
    identity: Identity,
}

type Shared = State<Arc<Register>>;

#[derive(Deserialize)]
struct Named {
    name: String,
}

pub(crate) fn router(options: Options) -> Router {
    let people = People::new(&options);
    let Options { column, faults, identity, .. } = options;
    let register = Arc::new(Register { people, column, faults, identity });
    Router::new()
        .route("/health", get(health))
        .route("/version", get(version))
        .route("/people", get(list).post(create))
        .route("/people/{id}", get(read).put(rename))
        .layer(middleware::from_fn_with_state(Arc::clone(&register), answer))
        .with_state(register)
}

async fn health(State(register): Shared) -> Response {
    if register.faults.never_healthy {
        return (StatusCode::SERVICE_UNAVAILABLE, "a fault makes me say so").into_response();
    }
    match register.people.check().await {
        Ok(()) => "ok".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

async fn version(State(register): Shared) -> String {
    let Identity { release, slot, instance } = &register.identity;
    format!("column {}, release {release}, slot {slot}, instance {instance}\n", register.column)
}

async fn list(State(register): Shared) -> Result<Json<Vec<Person>>, Failed> {
    Ok(Json(register.people.list().await?))
}

async fn create(State(register): Shared, Json(named): Json<Named>) -> Result<Response, Failed> {
    let person = register.people.create(named.name).await?;
    Ok((StatusCode::CREATED, Json(person)).into_response())
}

async fn read(State(register): Shared, Path(id): Path<i64>) -> Result<Json<Person>, Failed> {
    register.people.read(id).await?.map(Json).ok_or(Failed::Nobody)
}

async fn rename(
    State(register): Shared,
    Path(id): Path<i64>,
    Json(named): Json<Named>,
) -> Result<Json<Person>, Failed> {
    register.people.rename(id, named.name).await?.map(Json).ok_or(Failed::Nobody)
}

/// Why there is no person to answer with.
enum Failed {
    Nobody,
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        match self {
            Self::Nobody => (StatusCode::NOT_FOUND, "nobody of that number\n").into_response(),
            Self::Database(error) => {
                (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
            }
        }
    }
}

async fn answer(State(register): Shared, request: Request, next: Next) -> Response {
    let mut response = if request.uri().path() != "/health" && register.faults.strikes() {
        (StatusCode::INTERNAL_SERVER_ERROR, [("x-fault", "error-rate")]).into_response()
    } else {
        next.run(request).await
    };
    let Identity { release, slot, instance } = &register.identity;
    for (name, value) in [("x-release", release), ("x-slot", slot), ("x-instance", instance)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

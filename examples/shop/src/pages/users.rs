//! `GET /api/users`: the shop's customers, the same in every version.

use axum::Json;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct User {
    id: u32,
    name: &'static str,
    city: &'static str,
}

#[derive(Serialize)]
pub(crate) struct Users {
    users: [User; 4],
}

/// The customers, for the page and the API.
pub(crate) const USERS: [User; 4] = [
    User { id: 1, name: "Ada", city: "London" },
    User { id: 2, name: "Edsger", city: "Rotterdam" },
    User { id: 3, name: "Grace", city: "New York" },
    User { id: 4, name: "Radia", city: "Portsmouth" },
];

pub(crate) async fn list() -> Json<Users> {
    Json(Users { users: USERS })
}

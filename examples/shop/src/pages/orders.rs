//! `/api/orders`: the one thing in the shop that writes. Orders live in the instance's memory, the last thousand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::app::Application;

const KEPT: usize = 1000;

#[derive(Deserialize)]
pub(crate) struct NewOrder {
    item: String,
    quantity: u32,
}

#[derive(Clone, Serialize)]
pub(crate) struct Order {
    id: u64,
    item: String,
    quantity: u32,
}

/// The orders of this instance.
#[derive(Default)]
pub(crate) struct Book(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    taken: u64,
    last: VecDeque<Order>,
}

impl Book {
    /// How many orders were taken since the start.
    pub(crate) fn len(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).taken
    }

    fn add(&self, new: NewOrder) -> Order {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.taken += 1;
        let order = Order { id: pages.taken, item: new.item, quantity: new.quantity };
        if pages.last.len() == KEPT {
            pages.last.pop_front();
        }
        pages.last.push_back(order.clone());
        order
    }
}

#[derive(Serialize)]
pub(crate) struct Orders {
    taken: u64,
    orders: Vec<Order>,
}

pub(crate) async fn list(State(application): State<Arc<Application>>) -> Json<Orders> {
    let pages = application.orders.0.lock().unwrap_or_else(PoisonError::into_inner);
    Json(Orders { taken: pages.taken, orders: pages.last.iter().cloned().collect() })
}

pub(crate) async fn create(
    State(application): State<Arc<Application>>,
    Json(new): Json<NewOrder>,
) -> Response {
    if new.item.trim().is_empty() || !(1..=1000).contains(&new.quantity) {
        let text = "taking an order: it needs an item and a quantity from 1 to 1000\n";
        return (StatusCode::UNPROCESSABLE_ENTITY, text).into_response();
    }
    (StatusCode::CREATED, Json(application.orders.add(new))).into_response()
}

//! *Query plate service*, `GET /v3/vehicle/parking/services/find` (`wechat-pay.md` 2.1).

use serde_json::{Value, json};

use super::Simulator;
use super::fields::{is_color, plate_fault};
use super::message::Request;
use super::parameters::{Parameters, refuse};
use super::refusal::Refusal;
use super::settings::Service;

const OPENED: &str = "2025-03-01T09:00:00+08:00";

impl Simulator {
    /// Whether *this* driver opened the service for *this* plate.
    pub(super) fn find_service(&self, request: &Request) -> Result<Value, Refusal> {
        let mut parameters = Parameters::of(request)?;
        let appid = parameters.required("appid")?;
        let sub_mchid = self.settings.merchant.take_sub_mchid(&mut parameters)?;
        let plate_number = parameters.required("plate_number")?;
        let plate_color = parameters.required("plate_color")?;
        let openid = parameters.required("openid")?;
        parameters.finish()?;
        if let Some(issue) = plate_fault(&plate_number) {
            return Err(refuse("plate_number", &plate_number, issue));
        }
        if !is_color(&plate_color) {
            return Err(refuse("plate_color", &plate_color, "is not a colour word"));
        }
        self.settings
            .merchant
            .check_binding(&appid, sub_mchid.as_deref(), None)?;

        let plate = self.settings.plate(&plate_number);
        let state = match plate.service_for(&plate_color) {
            _ if plate.openid != openid => "OUT_SERVICE",
            Service::NotEnrolled => "OUT_SERVICE",
            Service::Blocked(reason) if reason == "PAUSE" => "PAUSE",
            Service::Normal | Service::Blocked(_) => "NORMAL",
        };
        let mut answer = json!({
            "plate_number": plate_number,
            "plate_color": plate_color,
            "openid": openid,
            "service_state": state,
        });
        if state != "OUT_SERVICE" {
            answer["service_open_time"] = json!(OPENED);
        }
        Ok(answer)
    }
}

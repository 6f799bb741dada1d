//! Vehicle classes, by what a plate tells: its kind and its colour (`parking-domain.md` 4.1).

use serde::{Deserialize, Serialize};

use crate::lane::plate::{PlateColor, PlateNumber, Shape};

/// What a plate tells of its vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VehicleKind {
    /// Blue plates, and black ones (foreign and cross-border).
    Small,
    /// Yellow plates.
    Large,
    /// Green plates with eight characters.
    NewEnergySmall,
    /// Yellow-green plates.
    NewEnergyLarge,
    /// 挂.
    Trailer,
    /// 学.
    DrivingSchool,
    /// 使, 领.
    Diplomatic,
    /// Police, military, fire, rescue, ambulance by plate.
    Special,
    /// Paper plates, farm vehicles, and whatever the camera told no colour of.
    Unknown,
}

impl VehicleKind {
    /// Every kind with its name in a tariff file.
    pub const ALL: [(&'static str, Self); 9] = [
        ("small", Self::Small),
        ("large", Self::Large),
        ("new-energy-small", Self::NewEnergySmall),
        ("new-energy-large", Self::NewEnergyLarge),
        ("trailer", Self::Trailer),
        ("driving-school", Self::DrivingSchool),
        ("diplomatic", Self::Diplomatic),
        ("special", Self::Special),
        ("unknown", Self::Unknown),
    ];

    /// By its plate as far as the plate says it, else by the colour that was seen.
    pub fn of(plate: Option<&PlateNumber>, color: Option<PlateColor>) -> Self {
        match plate.map(PlateNumber::shape) {
            Some(Shape::SmallNewEnergy) => Self::NewEnergySmall,
            Some(Shape::LargeNewEnergy) => Self::NewEnergyLarge,
            Some(Shape::Trailer) => Self::Trailer,
            Some(Shape::DrivingSchool) => Self::DrivingSchool,
            Some(Shape::Diplomatic) => Self::Diplomatic,
            Some(Shape::Police | Shape::ArmedPolice | Shape::Emergency) => Self::Special,
            Some(Shape::Military) if color == Some(PlateColor::White) => Self::Special,
            Some(
                Shape::Ordinary
                | Shape::CrossBorder
                | Shape::Military
                | Shape::CivilAviation
                | Shape::Farm
                | Shape::Temporary,
            )
            | None => Self::of_color(color),
        }
    }

    fn of_color(color: Option<PlateColor>) -> Self {
        match color {
            Some(PlateColor::Blue | PlateColor::Black | PlateColor::White) => Self::Small,
            Some(PlateColor::Yellow) => Self::Large,
            Some(PlateColor::Green) => Self::NewEnergySmall,
            Some(PlateColor::LimeGreen) => Self::NewEnergyLarge,
            None => Self::Unknown,
        }
    }
}

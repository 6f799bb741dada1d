//! The book of the car park and the decisions over it. Pure.

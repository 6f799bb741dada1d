//! Barriers: how a raise reaches the arm.

//! A virtual car park and a strict WeChat Pay simulator.

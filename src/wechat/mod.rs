//! WeChat Pay: one signed request, one verified answer.

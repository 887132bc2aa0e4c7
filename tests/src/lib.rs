//! The test harness: real brokers, real clients, the proxy as users run it

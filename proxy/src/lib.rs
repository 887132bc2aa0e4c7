//! The data plane: a Kafka proxy that encrypts Produce data and decrypts Fetch data

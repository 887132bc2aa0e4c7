//! Record batches: view, validation, codecs and the two encrypted layouts. No tokio, no cryptography

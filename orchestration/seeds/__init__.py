"""The seeds that people edit (price book, policies), judged before anything is rated by them."""

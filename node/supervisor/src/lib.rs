//! The only process that creates sandboxes, opens the user's files and creates, seals and sends descriptors.

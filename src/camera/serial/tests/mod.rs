mod line;
mod terminal;

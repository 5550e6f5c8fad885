//! Section E of the catalogue: the server's own doing, and what one leave does to others.

use crate::modes;

modes! {}

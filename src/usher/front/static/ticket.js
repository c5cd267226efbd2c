// A ticket: printed at the press of a button.

import { printing } from "./lib/print.js";

printing();

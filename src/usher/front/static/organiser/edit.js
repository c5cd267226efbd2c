// An event on the desk.

import { sendOnce, sources } from "./form.js";

sendOnce();
sources();

import { PinningTab } from "src/pages/PinningTab";
import { PinsPage } from "src/pages/PinsPage";

// Airflow imports the file and then takes the component from here, under the name that the plugin gives it.
Reflect.set(globalThis, "Pinning", PinningTab);
Reflect.set(globalThis, "Pins", PinsPage);

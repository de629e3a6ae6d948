import "./style/base.css";
import "./style/controls.css";
import "./style/pages.css";
import "./style/space.css";

import { createRoot } from "react-dom/client";

import { App } from "./App";

const root = document.getElementById("root");
if (root) createRoot(root).render(<App />);

import { render } from "preact"
import { App } from "./app"
import "./tokens.css"
import "./base.css"
import "./components/components.css"

render(<App />, document.getElementById("app")!)

/** The parts of ECharts that are used; fetched when the first of these charts is shown. */
import { BarChart, BoxplotChart, CustomChart, ParallelChart, ScatterChart } from "echarts/charts"
import { GridComponent, ParallelComponent, TooltipComponent, VisualMapContinuousComponent } from "echarts/components"
import * as core from "echarts/core"
import { CanvasRenderer } from "echarts/renderers"

core.use([
  BarChart,
  BoxplotChart,
  CustomChart,
  ParallelChart,
  ScatterChart,
  GridComponent,
  ParallelComponent,
  TooltipComponent,
  VisualMapContinuousComponent,
  CanvasRenderer,
])

export const { init } = core
export type { ECharts, EChartsCoreOption } from "echarts/core"

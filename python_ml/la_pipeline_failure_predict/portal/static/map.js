// Draws the mains and areas into an element; the page and the file of `report --map` call it.

const CHOROPLETH_UNTIL = 11;
const SHARED = {
  attributionControl: false,
  cooperativeGestures: true,
  dragRotate: false,
  maxZoom: 18,
  minZoom: 7,
  pitchWithRotate: false,
};
const AREA_COLORS = ["#e8eef3", "#cfdde8", "#b3cadb", "#94b4cd", "#739dbd"];
const NEAR_CENTER_PX = 12;

/**
 * @param maplibre the module of MapLibre GL
 * @param element the element; `data-idle` says when all of it was drawn, in milliseconds
 * @param map.tiles addresses of the tiles, a template each
 * @param map.mostZoom zoom of the closest tiles
 * @param map.layers layers of the tiles: name, least_zoom, title; the worst first
 * @param map.areas GeoJSON, or its address
 * @param map.marked GeoJSON of mains to stand out, or its address; may be missing
 * @param map.bounds west, south, east, north
 * @param map.open called with the identifier of a main that is clicked; may be missing
 */
export function draw(maplibre, element, map) {
  element.replaceChildren();
  const view = new maplibre.Map({
    ...SHARED,
    container: element,
    bounds: map.bounds,
    fitBoundsOptions: { padding: 24, maxZoom: 16 },
    style: { version: 8, sources: sources(map), layers: layers(map) },
  });
  view.touchZoomRotate.disableRotation();
  view.addControl(new maplibre.NavigationControl({ showCompass: false }));
  view.addControl(new maplibre.ScaleControl({ unit: "imperial" }));
  view.addControl(new maplibre.ScaleControl({ unit: "metric" }));
  follow(maplibre, view, map);
  view.once("idle", () => element.setAttribute("data-idle", Math.round(performance.now())));
}

/** The color that the style sheet gives to a class of mains. */
function color(name) {
  const style = getComputedStyle(document.documentElement);
  return style.getPropertyValue(`--${name.replaceAll("_", "-")}`).trim();
}

function sources(map) {
  const last = map.layers.map((layer) => layer.least_zoom);
  return {
    mains: {
      type: "vector",
      tiles: map.tiles,
      minzoom: Math.min(...last),
      maxzoom: map.mostZoom,
      promoteId: "pipe_id",
    },
    areas: { type: "geojson", data: map.areas },
    marked: { type: "geojson", data: map.marked ?? { type: "FeatureCollection", features: [] } },
  };
}

function layers(map) {
  const width = (thin, thick) => ["interpolate", ["exponential", 1.6], ["zoom"], 9, thin, 17, thick];
  const group = ["coalesce", ["get", "rate_group"], 0];
  return [
    {
      id: "areas",
      type: "fill",
      source: "areas",
      paint: {
        "fill-color": ["match", group, ...AREA_COLORS.flatMap((color, i) => [i + 1, color]), "#f4f5f6"],
        "fill-opacity": ["step", ["zoom"], 1, CHOROPLETH_UNTIL, 0.25],
      },
    },
    {
      id: "outlines",
      type: "line",
      source: "areas",
      paint: { "line-color": "#7d8b97", "line-width": 0.6 },
    },
    // The worst last, and so on top.
    ...map.layers.toReversed().map((layer, place) => ({
      id: layer.name,
      type: "line",
      source: "mains",
      "source-layer": layer.name,
      minzoom: layer.least_zoom,
      layout: { "line-cap": "round" },
      paint: { "line-color": color(layer.name), "line-width": width(0.5 + place * 0.25, 4 + place) },
    })),
    {
      id: "marked",
      type: "line",
      source: "marked",
      layout: { "line-cap": "round" },
      paint: {
        "line-color": "#111",
        "line-gap-width": width(2, 9),
        "line-width": 1.5,
      },
    },
  ];
}

/** Say which main is under the pointer, or in the middle for who has no pointer. */
function follow(maplibre, view, map) {
  const titles = new Map(map.layers.map((layer) => [layer.name, layer.title]));
  const names = [...map.layers.map((layer) => layer.name), "areas"];
  const popup = new maplibre.Popup({ closeButton: false, closeOnClick: false, maxWidth: "18rem" });
  const said = Object.assign(document.createElement("p"), { className: "map-said" });
  said.setAttribute("aria-live", "polite");
  view.getContainer().after(said);
  const find = (at) =>
    view.queryRenderedFeatures(around(at), { layers: names.filter((name) => view.getLayer(name)) })[0];
  const text = (feature) =>
    feature.layer.id === "areas"
      ? feature.properties.area_name
      : `Main ${feature.properties.pipe_id}: ${titles.get(feature.layer.id)}`;
  const open = (feature) => {
    if (feature && feature.layer.id !== "areas" && map.open) map.open(feature.properties.pipe_id);
  };
  view.on("mousemove", (event) => {
    const feature = find(event.point);
    view.getCanvas().classList.toggle("on-main", Boolean(feature && feature.layer.id !== "areas"));
    if (feature) popup.setLngLat(event.lngLat).setText(text(feature)).addTo(view);
    else popup.remove();
  });
  view.on("mouseout", () => popup.remove());
  view.on("click", (event) => open(find(event.point)));
  const center = () => view.project(view.getCenter());
  view.on("moveend", () => {
    const feature = document.activeElement === view.getCanvas() ? find(center()) : undefined;
    said.textContent = feature ? `In the middle: ${text(feature)}.` : "";
  });
  view.getCanvas().addEventListener("keydown", (event) => {
    if (event.key === "Enter") open(find(center()));
  });
}

function around(at) {
  return [
    [at.x - NEAR_CENTER_PX / 2, at.y - NEAR_CENTER_PX / 2],
    [at.x + NEAR_CENTER_PX / 2, at.y + NEAR_CENTER_PX / 2],
  ];
}

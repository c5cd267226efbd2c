// Swagger UI over this site's own description.

SwaggerUIBundle({
  url: "/api/schema/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
});

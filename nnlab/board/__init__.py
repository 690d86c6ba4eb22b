"""The live page of a database: `app` is the web application, `views` reads what it shows."""

"""`python -m appliance`."""

from appliance.main import app

app(prog_name="appliance")

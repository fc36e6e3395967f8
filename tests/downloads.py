"""Products as the providers deliver them, small, made from arrays that a test knows: .SAFE trees, their zips, HDF4-EOS grids, Landsat bundles."""

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from pyproj import Transformer
from running import SHARED
from scenemine import write_tif

BANDS = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"]

MANIFEST = """<?xml version="1.0" encoding="UTF-8"?>
<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1"><dataObjectSection>
{objects}
</dataObjectSection></xfdu:XFDU>
"""
OBJECT = '<dataObject ID="{id}"><byteStream mimeType="text/xml"><fileLocation locatorType="URL" href="./{href}"/></byteStream></dataObject>'

PRODUCT = """<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-2A_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-2A.xsd">
<n1:General_Info><Product_Info>
<PRODUCT_START_TIME>{when}</PRODUCT_START_TIME><PRODUCT_STOP_TIME>{when}</PRODUCT_STOP_TIME>
<PRODUCT_URI>{name}.SAFE</PRODUCT_URI><PROCESSING_LEVEL>Level-2A</PROCESSING_LEVEL><PRODUCT_TYPE>S2MSI2A</PRODUCT_TYPE>
<PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE><GENERATION_TIME>{when}</GENERATION_TIME>
<Datatake datatakeIdentifier="GS2A"><SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME><DATATAKE_TYPE>INS-NOBS</DATATAKE_TYPE>
<SENSING_ORBIT_NUMBER>61</SENSING_ORBIT_NUMBER><SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION></Datatake>
<Product_Organisation><Granule_List>
<Granule datastripIdentifier="S2A_OPER_MSI_L2A_DS_2APS_20220704T080000_S{start}_N{baseline}" granuleIdentifier="{granule}" imageFormat="JPEG2000">
{images}
</Granule></Granule_List></Product_Organisation></Product_Info>
<Product_Image_Characteristics>
{offsets}
<Reflectance_Conversion><U>0.967</U></Reflectance_Conversion></Product_Image_Characteristics></n1:General_Info>
<n1:Geometric_Info><Product_Footprint><Product_Footprint><Global_Footprint><EXT_POS_LIST>38.0 99.4 38.0 99.6 37.9 99.6 37.9 99.4 38.0 99.4
</EXT_POS_LIST></Global_Footprint></Product_Footprint></Product_Footprint></n1:Geometric_Info>
<n1:Quality_Indicators_Info><Cloud_Coverage_Assessment>{cloud}</Cloud_Coverage_Assessment></n1:Quality_Indicators_Info>
</n1:Level-2A_User_Product>
"""

TILE = """<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-2A_Tile_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-2A_Tile_Metadata.xsd">
<n1:General_Info><TILE_ID>S2A_OPER_MSI_L2A_TL_2APS_20220704T080000_A036000_{tile}_N{baseline}</TILE_ID></n1:General_Info>
<n1:Geometric_Info><Tile_Geocoding><HORIZONTAL_CS_CODE>{crs}</HORIZONTAL_CS_CODE>
{sizes}
<Geoposition resolution="10"><ULX>{west:.0f}</ULX><ULY>{north:.0f}</ULY><XDIM>10</XDIM><YDIM>-10</YDIM></Geoposition></Tile_Geocoding>
<Tile_Angles><Mean_Sun_Angle><ZENITH_ANGLE>20.5</ZENITH_ANGLE><AZIMUTH_ANGLE>140.25</AZIMUTH_ANGLE></Mean_Sun_Angle>
<Mean_Viewing_Incidence_Angle_List><Mean_Viewing_Incidence_Angle bandId="0"><ZENITH_ANGLE>5</ZENITH_ANGLE><AZIMUTH_ANGLE>100</AZIMUTH_ANGLE>
</Mean_Viewing_Incidence_Angle></Mean_Viewing_Incidence_Angle_List></Tile_Angles></n1:Geometric_Info>
<n1:Quality_Indicators_Info><Image_Content_QI><CLOUDY_PIXEL_PERCENTAGE>{cloud}</CLOUDY_PIXEL_PERCENTAGE></Image_Content_QI></n1:Quality_Indicators_Info>
</n1:Level-2A_Tile_ID>
"""
EMPTY = '<?xml version="1.0"?><x/>'


def write_jp2(path, values, transform, crs):
    """Write one band as lossless JPEG 2000."""
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "JP2OpenJPEG", "dtype": values.dtype, "count": 1, "height": values.shape[0], "width": values.shape[1]}
    with rasterio.open(path, "w", crs=crs, transform=transform, QUALITY="100", REVERSIBLE="YES", YCBCR420="NO", **profile) as out:
        out.write(values, 1)
    Path(f"{path}.aux.xml").unlink(missing_ok=True)


def safe_name(when, baseline="05.10", tile="T47SNC", level="MSIL2A", made="20240101T000000"):
    """Return the name of a Sentinel-2 product, without .SAFE."""
    start = when.replace("-", "").replace(":", "")[:15]
    return f"S2A_{level}_{start}_N{baseline.replace('.', '')}_R061_{tile}_{made}"


def write_safe(folder, when, red, nir, scl, *, baseline="05.10", west=540_000, north=4_210_300, crs="EPSG:32647", cloud=10.25, **named):
    """Write a Level-2A .SAFE tree below a folder, with the files that ESA's have and that are read; return its path.

    Tiles are square, as ESA's are: what is missing to the right or below is no data.
    """
    side = max(np.asarray(red).shape)
    red, nir, scl = (np.pad(v, [(0, n - s) for s in np.asarray(v).shape]) for v, n in ((red, side), (nir, side), (scl, side // 2)))
    name = safe_name(when, baseline, **named)
    tile, start = name.split("_")[5], name.split("_")[2]
    root, granule = Path(folder) / f"{name}.SAFE", f"L2A_{tile}_A036000_{start}"
    images = {"B04_10m": (red, 10), "B08_10m": (nir, 10), "SCL_20m": (scl, 20)}
    paths = {k: f"GRANULE/{granule}/IMG_DATA/R{size}m/{tile}_{start}_{k}" for k, (_, size) in images.items()}
    for key, (values, size) in images.items():
        write_jp2(root / f"{paths[key]}.jp2", np.asarray(values), Affine(size, 0, west, 0, -size, north), crs)
    rows, cols = np.asarray(red).shape
    sizes = "\n".join(f'<Size resolution="{s}"><NROWS>{rows * 10 // s}</NROWS><NCOLS>{cols * 10 // s}</NCOLS></Size>' for s in (10, 20, 60))
    added = "".join(f'<BOA_ADD_OFFSET band_id="{b}">-1000</BOA_ADD_OFFSET>' for b in BANDS)
    offsets = f"<BOA_ADD_OFFSET_VALUES_LIST>{added}</BOA_ADD_OFFSET_VALUES_LIST>" if baseline >= "04.00" else ""
    facts = {"name": name, "when": f"{when}.024Z", "baseline": baseline, "start": start, "granule": granule, "offsets": offsets, "cloud": cloud}
    facts |= {"images": "\n".join(f"<IMAGE_FILE>{p}</IMAGE_FILE>" for p in paths.values()), "tile": tile, "crs": crs, "sizes": sizes}
    objects = {"S2_Level-2A_Product_Metadata": "MTD_MSIL2A.xml", "S2_Level-2A_Tile1_Metadata": f"GRANULE/{granule}/MTD_TL.xml"}
    objects |= {"INSPIRE_Metadata": "INSPIRE.xml", "S2_Level-2A_Datastrip1_Metadata": "DATASTRIP/DS/MTD_DS.xml"}
    texts = {
        "manifest.safe": MANIFEST.format(objects="\n".join(OBJECT.format(id=k, href=v) for k, v in objects.items())),
        "MTD_MSIL2A.xml": PRODUCT.format(**facts),
        objects["S2_Level-2A_Tile1_Metadata"]: TILE.format(west=west, north=north, **facts),
        "INSPIRE.xml": EMPTY,
        "DATASTRIP/DS/MTD_DS.xml": EMPTY,
    }
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def zip_safe(safe, target=None, method=zipfile.ZIP_DEFLATED):
    """Pack a .SAFE tree as the Copernicus Data Space does; return the path of the zip."""
    target = target or safe.with_name(f"{safe.name}.zip")
    with zipfile.ZipFile(target, "w", method) as archive:
        for path in sorted(safe.rglob("*")):
            archive.write(path, f"{safe.name}/{path.relative_to(safe).as_posix()}")
    return target


STRUCT = """GROUP=SwathStructure
END_GROUP=SwathStructure
GROUP=GridStructure
	GROUP=GRID_1
		GridName="MODIS_Grid"
		XDim={cols}
		YDim={rows}
		UpperLeftPointMtrs=({left:f},{top:f})
		LowerRightMtrs=({right:f},{bottom:f})
		Projection={projection}
		ProjParams=(6371007.181000,0,0,0,0,0,0,0,0,0,0,0,0)
		SphereCode=-1
		GridOrigin=HDFE_GD_UL
		GROUP=DataField
{fields}
		END_GROUP=DataField
	END_GROUP=GRID_1
END_GROUP=GridStructure
END
"""
FIELD = (
    '			OBJECT=DataField_{n}\n				DataFieldName="{name}"\n				DimList=("YDim","XDim")\n			END_OBJECT=DataField_{n}'
)
CORE = """GROUP = INVENTORYMETADATA
  GROUP = RANGEDATETIME
    OBJECT = RANGEBEGINNINGDATE
      NUM_VAL = 1
      VALUE = "{first}"
    END_OBJECT = RANGEBEGINNINGDATE
    OBJECT = RANGEENDINGDATE
      NUM_VAL = 1
      VALUE = "{last}"
    END_OBJECT = RANGEENDINGDATE
  END_GROUP = RANGEDATETIME
END_GROUP = INVENTORYMETADATA
END
"""


def write_hdf(path, layers, left, top, cell, *, dates=None, fill=None, factor=None, projection="GCTP_SNSOID", struct=None):
    """Write an HDF4-EOS grid with these layers (name -> array); `fill`, `factor`: _FillValue and scale_factor by name."""
    from pyhdf.SD import SD, SDC

    kinds = {"int8": SDC.INT8, "uint8": SDC.UINT8, "int16": SDC.INT16, "uint16": SDC.UINT16, "uint32": SDC.UINT32, "float32": SDC.FLOAT32}
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, cols = next(iter(layers.values())).shape
    file = SD(str(path), SDC.WRITE | SDC.CREATE | SDC.TRUNC)
    for name, values in layers.items():
        data = file.create(name, kinds[str(values.dtype)], values.shape)
        if name in (fill or {}):
            data.setfillvalue(fill[name])
        if name in (factor or {}):
            data.attr("scale_factor").set(SDC.FLOAT64, factor[name])
        data[:] = values
        data.endaccess()
    fields = "\n".join(FIELD.format(n=n, name=name) for n, name in enumerate(layers, 1))
    size = {"rows": rows, "cols": cols, "left": left, "top": top, "right": left + cols * cell, "bottom": top - rows * cell}
    file.attr("StructMetadata.0").set(SDC.CHAR8, struct or STRUCT.format(fields=fields, projection=projection, **size))
    if dates:
        file.attr("CoreMetadata.0").set(SDC.CHAR8, CORE.format(first=dates[0], last=dates[1]))
    file.end()
    return path


def landsat_bundle(target, product, suffixes=("MTL.xml",), images=True):
    """Copy one of the three real Landsat products of ../shared/data, with the metadata files of these endings only."""
    target.mkdir(parents=True, exist_ok=True)
    for path in (SHARED / "landsat_c2l2_scenes_qa_pixel").glob(f"*_{product}_*"):
        if path.name.endswith(suffixes) or (images and path.suffix == ".TIF"):
            (target / path.name).write_bytes(path.read_bytes())
    return target


LANDSAT_SENSORS = {"4": "TM", "5": "TM", "7": "ETM", "8": "OLI_TIRS", "9": "OLI_TIRS"}
LANDSAT_FILES = {"red": ("SR_B3", "SR_B4"), "nir08": ("SR_B4", "SR_B5"), "qa_pixel": ("QA_PIXEL",) * 2, "qa_radsat": ("QA_RADSAT",) * 2}  # TM and ETM+, OLI


def write_landsat(folder, product, when, files, suffix="MTL.txt", cloud=10.5):
    """Write a Collection 2 Level-2 bundle: these files (asset name: values, transform, CRS, nodata) and its MTL.txt, .json or .xml, as USGS has them."""
    number = product[3]
    values, where, crs, _ = files["red"]
    names = {asset: f"{product}_{LANDSAT_FILES[asset][number in '89']}.TIF" for asset in files}
    for asset, (stored, at, system, nodata) in files.items():
        write_tif(Path(folder) / names[asset], stored, at, system, nodata)
    rows, cols = values.shape
    centres = {"UL": (0.5, 0.5), "UR": (cols - 0.5, 0.5), "LL": (0.5, rows - 0.5), "LR": (cols - 0.5, rows - 0.5)}
    to_degrees = Transformer.from_crs(crs, 4326, always_xy=True)
    corners = {}
    for corner, (col, row) in centres.items():
        x, y = where @ (col, row)
        lon, lat = to_degrees.transform(x, y)
        corners |= {f"CORNER_{corner}_LAT_PRODUCT": f"{lat:.5f}", f"CORNER_{corner}_LON_PRODUCT": f"{lon:.5f}"}
        corners |= {f"CORNER_{corner}_PROJECTION_X_PRODUCT": f"{x:.3f}", f"CORNER_{corner}_PROJECTION_Y_PRODUCT": f"{y:.3f}"}
    day, time = when.rstrip("Z").split("T")
    contents = {"LANDSAT_PRODUCT_ID": product, "PROCESSING_LEVEL": "L2SP", "COLLECTION_NUMBER": "02", "COLLECTION_CATEGORY": "T1", "OUTPUT_FORMAT": "GEOTIFF"}
    contents |= {f"FILE_NAME_BAND_{names[a].split('_B')[-1][0]}": names[a] for a in ("red", "nir08")}
    attributes = {"SPACECRAFT_ID": f"LANDSAT_{number}", "SENSOR_ID": LANDSAT_SENSORS[number], "WRS_TYPE": "2", "WRS_PATH": product[10:13].lstrip("0")}
    attributes |= {"WRS_ROW": product[13:16].lstrip("0"), "DATE_ACQUIRED": day, "SCENE_CENTER_TIME": f"{time}Z"}
    attributes |= {"CLOUD_COVER": cloud, "CLOUD_COVER_LAND": cloud, "SUN_AZIMUTH": "130.5", "SUN_ELEVATION": "60.25"}
    size = {"GRID_CELL_SIZE_REFLECTIVE": "30.00"}
    shape = {"REFLECTIVE_LINES": rows, "REFLECTIVE_SAMPLES": cols}
    groups = {"PRODUCT_CONTENTS": contents, "IMAGE_ATTRIBUTES": attributes}
    groups["PROJECTION_ATTRIBUTES"] = {"MAP_PROJECTION": "UTM", "DATUM": "WGS84", "UTM_ZONE": crs[-2:]} | size | shape | corners
    groups["LEVEL2_PROCESSING_RECORD"] = {"LANDSAT_PRODUCT_ID": product, "DATE_PRODUCT_GENERATED": "2020-09-13T01:02:03Z"}
    groups["LEVEL1_PROCESSING_RECORD"] = {"LANDSAT_SCENE_ID": f"L{product[1]}{number}{product[10:16]}{day[:4]}001XXX00"}
    groups |= {"LEVEL1_RADIOMETRIC_RESCALING": {"RADIANCE_MULT_BAND_3": "1.0", "RADIANCE_ADD_BAND_3": "-1.0"}, "LEVEL1_PROJECTION_PARAMETERS": size}
    text = json.dumps({"LANDSAT_METADATA_FILE": {g: {k: str(v) for k, v in own.items()} for g, own in groups.items()}}, indent=1)
    if suffix.endswith("xml"):
        inner = "".join(f"<{g}>{''.join(f'<{k}>{v}</{k}>' for k, v in own.items())}</{g}>" for g, own in groups.items())
        text = f'<?xml version="1.0" encoding="UTF-8"?><LANDSAT_METADATA_FILE>{inner}</LANDSAT_METADATA_FILE>'
    elif suffix.endswith("txt"):
        lines = []
        for group, own in groups.items():
            lines += [f"  GROUP = {group}", *(f"    {k} = {quoted(v)}" for k, v in own.items()), f"  END_GROUP = {group}"]
        text = "\n".join(["GROUP = LANDSAT_METADATA_FILE", *lines, "END_GROUP = LANDSAT_METADATA_FILE", "END", ""])
    (Path(folder) / f"{product}_{suffix}").write_text(text, encoding="utf-8")
    return Path(folder)


def quoted(value):
    """Return a value as MTL.txt has it: numbers and dates plain, other text in quotes."""
    return value if re.fullmatch(r"[-\d.]+", str(value)) else f'"{value}"'


def saved(features):
    """Return items as the text of a collection."""
    return json.dumps({"type": "FeatureCollection", "features": features})
